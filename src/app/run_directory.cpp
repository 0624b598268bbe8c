#include "run_directory.h"

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <cstring>
#include <fcntl.h>
#include <sstream>
#include <sys/file.h>
#include <thread>
#include <unistd.h>
#include <utility>

#include <nlohmann/json.hpp>
#include <torch/nn/module.h>

#include "mabert/app/signals.h"
#include "mabert/core/files.h"

namespace mabert::app {
namespace {

/// The first line in which two texts differ.
std::pair<std::string, std::string> first_difference(const std::string& before, const std::string& now) {
  std::istringstream a(before), b(now);
  std::string left, right;
  while (true) {
    const bool more_left = static_cast<bool>(std::getline(a, left)),
               more_right = static_cast<bool>(std::getline(b, right));
    if (left != right || !more_left || !more_right) return {left, right};
  }
}

}  // namespace

bool is_there(const std::filesystem::path& path) {
  std::error_code ignored;
  return std::filesystem::exists(path, ignored);
}

RunLock::RunLock(const std::filesystem::path& directory, IfTaken if_taken) {
  const std::filesystem::path path = directory / ".lock";
  descriptor_ = ::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0644);
  if (descriptor_ < 0 && errno == ENOSPC)
    throw DiskFullError(path.string() + ": the disk is full; free some space");
  if (descriptor_ < 0) {
    throw UsageError(directory.string() + ": cannot write here (" + std::strerror(errno) +
                     "); choose another run_dir");
  }
  // File systems without locks answer otherwise; then there is no protection, which is no reason not to
  // train.
  while (::flock(descriptor_, LOCK_EX | LOCK_NB) != 0 && (errno == EWOULDBLOCK || errno == EINTR)) {
    const int signal = stop_signal().load();
    if (if_taken == IfTaken::wait && signal == 0) {
      std::this_thread::sleep_for(std::chrono::milliseconds(100));
      continue;
    }
    ::close(descriptor_);
    if (signal != 0)
      throw Error(static_cast<ExitCode>(128 + signal),
                  directory.string() + ": interrupted while waiting for it");
    throw UsageError(directory.string() +
                     ": another process is training in this run directory; wait, or choose another run_dir");
  }
}

RunLock::~RunLock() { ::close(descriptor_); }

bool has_begun(const std::filesystem::path& directory) {
  return is_there(directory / "checkpoints" / "last") || is_there(directory / "result.json");
}

std::string difference_to(const std::filesystem::path& directory, const RunConfig& config) {
  const std::filesystem::path path = directory / "config.yaml";
  if (!has_begun(directory) || !is_there(path)) return "";
  const RunConfig earlier = parse_run_config(read_text_file(path, kMaxConfigBytes), path.string(), {});
  const auto [old_line, new_line] = first_difference(identity(earlier), identity(config));
  const auto trim = [](const std::string& line) {
    return line.substr(std::min(line.find_first_not_of(' '), line.size()));
  };
  return old_line == new_line ? "" : "'" + trim(old_line) + "', now '" + trim(new_line) + "'";
}

void require_same_run(const std::filesystem::path& directory, const RunConfig& config) {
  if (const std::string difference = difference_to(directory, config); !difference.empty()) {
    throw UsageError(directory.string() + ": this run directory was made with another configuration (" +
                     difference + "); choose another run_dir, or remove this one");
  }
  if (config.train.resume == train::Resume::never && has_begun(directory)) {
    throw UsageError(directory.string() +
                     ": already holds checkpoints; use train.resume=auto, or another run directory");
  }
}

std::string finished_result(const std::filesystem::path& directory, const train::TrainOptions& options) {
  const std::filesystem::path path = directory / "result.json";
  if (options.resume != train::Resume::automatic || !is_there(path)) return "";
  const std::string text = read_text_file(path, kMaxResultBytes);
  const auto json = nlohmann::json::parse(text, nullptr, /*allow_exceptions=*/false);
  if (!json.is_object() || !json.contains("outcome") || !json.contains("seconds") ||
      !json["seconds"].is_number()) {
    throw DataError(path.string() + ": not a result; remove it to go on with this run");
  }
  const auto& outcome = json["outcome"];
  const bool time_is_up = outcome == "time_limit" && options.max_minutes &&
                          json["seconds"].get<double>() >= *options.max_minutes * 60;
  return outcome == "finished" || outcome == "stopped_early" || time_is_up ? text : "";
}

std::string write_config(const std::filesystem::path& directory, const RunConfig& config) {
  // What the run is, not how this start was asked for.
  RunConfig kept = config;
  kept.train.resume = train::Resume::automatic;
  const std::string text = to_yaml(kept);
  write_file_atomically(directory / "config.yaml", text);
  return text;
}

std::int64_t count_parameters(const torch::nn::Module& module) {
  std::int64_t count = 0;
  for (const at::Tensor& parameter : module.parameters()) count += parameter.numel();
  return count;
}

int exit_code(const train::TrainResult& result) {
  return result.outcome == train::Outcome::interrupted ? 128 + result.signal : 0;
}

}  // namespace mabert::app
