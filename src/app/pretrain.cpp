#include <cerrno>
#include <cstring>
#include <fcntl.h>
#include <iostream>
#include <sstream>
#include <sys/file.h>
#include <unistd.h>

#include <nlohmann/json.hpp>

#include "mabert/app/run_config.h"
#include "mabert/app/run_data.h"
#include "mabert/app/signals.h"
#include "mabert/app/verbs.h"
#include "mabert/core/error.h"
#include "mabert/core/files.h"
#include "mabert/nn/initialize.h"
#include "mabert/nn/masked_language_model.h"
#include "mabert/nn/module_base.h"
#include "mabert/train/console.h"
#include "mabert/train/mlm_task.h"
#include "mabert/train/trainer.h"

namespace mabert::app {
namespace {

constexpr std::uint64_t kMaxConfigBytes = 1 << 20;

bool is_there(const std::filesystem::path& path) {
  std::error_code ignored;
  return std::filesystem::exists(path, ignored);
}

/// Keeps two processes from training in one run directory; the system lifts it when the process ends, however
/// it ends.
class RunLock {
 public:
  explicit RunLock(const std::filesystem::path& directory) {
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
    if (::flock(descriptor_, LOCK_EX | LOCK_NB) != 0 && errno == EWOULDBLOCK) {
      ::close(descriptor_);
      throw UsageError(
          directory.string() +
          ": another process is training in this run directory; wait, or choose another run_dir");
    }
  }
  ~RunLock() { ::close(descriptor_); }
  RunLock(const RunLock&) = delete;
  RunLock& operator=(const RunLock&) = delete;

 private:
  int descriptor_ = -1;
};

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

/// Has a step been saved here? A start that failed before that leaves nothing that a later one must agree
/// with.
bool has_begun(const std::filesystem::path& directory) {
  return is_there(directory / "checkpoints" / "last") || is_there(directory / "result.json");
}

void require_same_run(const std::filesystem::path& directory, const RunConfig& config) {
  const std::filesystem::path path = directory / "config.yaml";
  if (!has_begun(directory) || !is_there(path)) return;
  const RunConfig earlier = parse_run_config(read_text_file(path, kMaxConfigBytes), path.string(), {});
  const std::string before = identity(earlier), now = identity(config);
  if (before == now) return;
  const auto [old_line, new_line] = first_difference(before, now);
  const auto trim = [](const std::string& line) {
    return line.substr(std::min(line.find_first_not_of(' '), line.size()));
  };
  throw UsageError(directory.string() + ": this run directory was made with another configuration ('" +
                   trim(old_line) + "', now '" + trim(new_line) +
                   "'); choose another run_dir, or remove this one");
}

/// result.json of a run that has nothing left to do: it reached its last step, or the time limit that still
/// holds. Empty otherwise.
std::string finished_result(const std::filesystem::path& directory, const train::TrainOptions& options) {
  const std::filesystem::path path = directory / "result.json";
  if (!is_there(path)) return "";
  const std::string text = read_text_file(path, kMaxConfigBytes);
  const auto json = nlohmann::json::parse(text, nullptr, /*allow_exceptions=*/false);
  if (!json.is_object() || !json.contains("outcome") || !json.contains("seconds") ||
      !json["seconds"].is_number()) {
    throw DataError(path.string() + ": not a result; remove it to go on with this run");
  }
  const bool time_is_up = json["outcome"] == "time_limit" && options.max_minutes &&
                          json["seconds"].get<double>() >= *options.max_minutes * 60;
  return json["outcome"] == "finished" || time_is_up ? text : "";
}

/// Sections left out of a file are not checked while it is read.
template <class Options>
void require_valid(const char* section, const Options& options) {
  if (const auto problem = options.validate()) {
    throw UsageError(std::string(section) + (problem->key.empty() ? "" : "." + problem->key) + ": expected " +
                     problem->expected + ", got " + problem->got);
  }
}

void resolve_vocabulary(RunConfig& config, const data::Tokenizer& tokenizer) {
  const std::int64_t size = tokenizer.vocabulary_size();
  if (config.model.vocabulary_size == 0) config.model.vocabulary_size = size;
  if (config.model.vocabulary_size < size) {
    throw UsageError("model.vocabulary_size: expected at least " + std::to_string(size) +
                     ", the tokenizer's pieces, got " + std::to_string(config.model.vocabulary_size) +
                     "; set it to 0 to take the tokenizer's");
  }
}

std::int64_t count_parameters(const torch::nn::Module& module) {
  std::int64_t count = 0;
  for (const at::Tensor& parameter : module.parameters()) count += parameter.numel();
  return count;
}

int exit_code(const train::TrainResult& result) {
  return result.outcome == train::Outcome::interrupted ? 128 + result.signal : 0;
}

}  // namespace

int run_pretrain(const ConfigArguments& arguments, std::ostream& out) {
  RunConfig config = load_run_config(arguments.config, arguments.overrides);
  require_valid("train", config.train);
  require_valid("batch", config.batch);
  const std::filesystem::path directory = *config.run_dir;
  const c10::Device device = train::prepare_device(config.train);
  const auto tokenizer = open_run_tokenizer(config);
  resolve_vocabulary(config, *tokenizer);
  const RunData data = open_run_data(config, *tokenizer);

  std::error_code ignored;
  std::filesystem::create_directories(directory, ignored);
  const RunLock lock(directory);
  require_same_run(directory, config);
  if (config.train.resume == train::Resume::never && has_begun(directory)) {
    throw UsageError(directory.string() +
                     ": already holds checkpoints; use train.resume=auto, or another run directory");
  }
  const bool may_be_done = config.train.resume == train::Resume::automatic;
  if (const std::string done = may_be_done ? finished_result(directory, config.train) : ""; !done.empty()) {
    std::cerr << directory.string() << ": this run is complete; nothing to do\n";
    out << done;
    return 0;
  }
  // What the run is, not how this start was asked for: the file works as the configuration of the next start.
  RunConfig kept = config;
  kept.train.resume = train::Resume::automatic;
  const std::string resolved = to_yaml(kept);
  write_file_atomically(directory / "config.yaml", resolved);
  const auto log = train::open_log(directory / "log.txt", std::cerr, ::isatty(STDERR_FILENO) != 0);

  nn::MaskedLanguageModel model(config.model);
  nn::initialize_parameters(*model, config.model, config.train.seed);
  model->to(device);
  nn::set_compute_dtype(*model, train::compute_dtype(config.train.precision, device));
  log->info("{}: {:.1f}M parameters on {} in {}, {} documents ({} tokens) to learn from, {} held out",
            directory.string(), static_cast<double>(count_parameters(*model)) / 1e6, device.str(),
            train::compute_dtype(config.train.precision, device) == at::kBFloat16 ? "bfloat16" : "float32",
            data.train->documents(), data.train->tokens(), data.valid ? data.valid->documents() : 0);
  if (config.model.vocabulary_size >= tokenizer->vocabulary_size() + 64) {
    log->warn("model.vocabulary_size is {}, the tokenizer has {} pieces; 0 takes the tokenizer's",
              config.model.vocabulary_size, tokenizer->vocabulary_size());
  }
  train::MlmTask task(model, data.train_loader(config), data.validation(config),
                      {device, config.train.seed, config.train.validation_batches});
  install_signal_handlers();
  const train::TrainResult result =
      train::train(task, {config.train, config.optimizer, config.schedule},
                   {directory, resolved, tokenizer->serialized(), log, &stop_signal()}, std::cerr,
                   ::isatty(STDERR_FILENO) != 0);
  if (result.outcome == train::Outcome::interrupted) {
    log->info("interrupted and saved at step {}; run the same command to go on", result.step);
  } else {
    log->info("done: {}", (directory / "checkpoints").string());
  }
  const std::string text = train::to_json(result);
  write_file_atomically(directory / "result.json", text);
  out << text;
  return exit_code(result);
}

}  // namespace mabert::app
