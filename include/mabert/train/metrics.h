#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "mabert/train/task.h"

namespace mabert::train {

enum class Split { train, valid };
std::string_view split_name(Split split);

/// One line of metrics. What does not apply is absent.
struct Metrics {
  std::int64_t step = 0;  ///< optimizer steps done
  Split split = Split::train;
  double loss = 0.0;  ///< train: mean over what was predicted since the last line; valid: over the whole pass
  std::optional<double> lr, grad_norm, tokens_per_second;
  std::vector<NamedValue> values;         ///< what the task measures besides
  std::optional<std::int64_t> tokens;     ///< train: valid tokens seen by the run so far; valid: in the pass
  std::optional<std::int64_t> predicted;  ///< terms that `loss` is the mean of
  std::optional<std::int64_t> skipped;    ///< steps skipped so far for non-finite values
  double seconds = 0.0;                   ///< of training so far, restarts included
  std::optional<std::int64_t> memory;     ///< bytes in use on the device (CPU: resident set)
};

/// The line as JSON; values stand in it by their names. A number that is not finite becomes null.
std::string to_json(const Metrics& metrics);

/// Told of everything that a run measures.
class Observer {
 public:
  virtual ~Observer() = default;
  virtual void on_step(std::int64_t /*step*/) {}
  virtual void on_metrics(const Metrics& metrics) = 0;
};

/// Appends every line to metrics.jsonl, at once.
/// When a run resumes, lines of later steps and a line cut short are removed first, so that no step appears
/// twice. Errors: DiskFullError, DataError.
class MetricsLog final : public Observer {
 public:
  /// resumed_step: lines up to this step stay; 0 starts an empty file.
  MetricsLog(const std::filesystem::path& path, std::int64_t resumed_step);
  ~MetricsLog() override;
  MetricsLog(const MetricsLog&) = delete;
  MetricsLog& operator=(const MetricsLog&) = delete;
  void on_metrics(const Metrics& metrics) override;

 private:
  std::filesystem::path path_;
  int descriptor_ = -1;
};

}  // namespace mabert::train
