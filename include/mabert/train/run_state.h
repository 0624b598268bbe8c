#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "mabert/train/task.h"

namespace mabert::train {

/// Everything of a run that is no tensor. Random numbers are counter-based, so there is no generator in it.
struct RunState {
  std::int64_t step = 0;    ///< optimizer steps done
  Position position;        ///< of the next step
  std::int64_t passes = 0;  ///< forward passes done
  std::int64_t tokens = 0;
  double seconds = 0.0;
  std::optional<NamedValue> best;  ///< of the validations so far, by what selects
  std::optional<std::int64_t> best_step;
  std::int64_t stale = 0;                ///< validations in a row without a better one
  std::optional<double> train_loss;      ///< of the last line of training metrics
  std::optional<Evaluation> validation;  ///< the last one
  std::optional<std::int64_t> validation_step;
  std::uint64_t seed = 0;
  std::optional<std::string> data_fingerprint;  ///< of the task's data; absent in older files
  /// Since the last line of training metrics.
  struct Window {
    std::int64_t steps = 0, predicted = 0, tokens = 0;
    double seconds = 0.0;
  } window;
};

std::string to_json(const RunState& state);
/// Results that an older file lacks stay absent. Errors: CheckpointError naming `where`.
RunState parse_run_state(const std::string& json, const std::string& where);

}  // namespace mabert::train
