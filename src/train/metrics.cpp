#include "mabert/train/metrics.h"

#include <cerrno>
#include <cmath>
#include <cstring>
#include <fcntl.h>
#include <unistd.h>

#include <nlohmann/json.hpp>

#include "mabert/core/error.h"
#include "mabert/core/files.h"

namespace mabert::train {
namespace {

constexpr std::uint64_t kMaxLogBytes = std::uint64_t{4} << 30;

/// Complete lines of steps up to `last_step`.
std::string kept_lines(const std::string& text, std::int64_t last_step) {
  std::string kept;
  for (std::size_t begin = 0; begin < text.size();) {
    const std::size_t end = text.find('\n', begin);
    if (end == std::string::npos) break;
    const auto line = nlohmann::json::parse(text.begin() + static_cast<std::ptrdiff_t>(begin),
                                            text.begin() + static_cast<std::ptrdiff_t>(end), nullptr, false);
    const bool has_step = line.is_object() && line.contains("step") && line["step"].is_number_integer();
    if (has_step && line["step"].get<std::int64_t>() <= last_step) kept.append(text, begin, end + 1 - begin);
    begin = end + 1;
  }
  return kept;
}

}  // namespace

std::string_view split_name(Split split) { return split == Split::train ? "train" : "valid"; }

std::string to_json(const Metrics& metrics) {
  nlohmann::ordered_json line;
  const auto add = [&](const char* key, const auto& value) {
    if (value) line[key] = *value;
  };
  line["step"] = metrics.step;
  line["split"] = split_name(metrics.split);
  line["loss"] = metrics.loss;
  add("lr", metrics.lr);
  add("grad_norm", metrics.grad_norm);
  add("tokens", metrics.tokens);
  add("tokens_per_second", metrics.tokens_per_second);
  line["seconds"] = std::round(metrics.seconds * 1000.0) / 1000.0;
  for (const NamedValue& item : metrics.values) line[item.name] = item.value;
  add("predicted", metrics.predicted);
  add("skipped", metrics.skipped);
  add("memory", metrics.memory);
  return line.dump();
}

MetricsLog::MetricsLog(const std::filesystem::path& path, std::int64_t resumed_step) : path_(path) {
  std::error_code ignored;
  std::string kept;
  if (resumed_step > 0 && std::filesystem::exists(path, ignored)) {
    kept = kept_lines(read_text_file(path, kMaxLogBytes), resumed_step);
  }
  write_file_atomically(path, kept);
  descriptor_ = ::open(path.c_str(), O_WRONLY | O_APPEND | O_CLOEXEC);
  if (descriptor_ < 0) throw DataError(path.string() + ": cannot open: " + std::strerror(errno));
}

MetricsLog::~MetricsLog() {
  if (descriptor_ >= 0) ::close(descriptor_);
}

void MetricsLog::on_metrics(const Metrics& metrics) {
  const std::string line = to_json(metrics) + "\n";
  std::string_view rest = line;
  while (!rest.empty()) {
    const ssize_t count = ::write(descriptor_, rest.data(), rest.size());
    if (count < 0 && errno == EINTR) continue;
    if (count < 0 && (errno == ENOSPC || errno == EDQUOT)) {
      throw DiskFullError(path_.string() +
                          ": the disk is full; free some space and run the same command again");
    }
    if (count < 0) throw DataError(path_.string() + ": cannot write: " + std::strerror(errno));
    rest.remove_prefix(static_cast<std::size_t>(count));
  }
}

}  // namespace mabert::train
