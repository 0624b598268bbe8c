#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <filesystem>
#include <iosfwd>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include <spdlog/logger.h>

#include "mabert/train/checkpoint_store.h"
#include "mabert/train/metrics.h"
#include "mabert/train/optimizer.h"
#include "mabert/train/options.h"
#include "mabert/train/run_state.h"
#include "mabert/train/schedule.h"
#include "mabert/train/task.h"
#include "mabert/train/training_step.h"

namespace mabert::train {

/// Where a run lives and what goes into its checkpoints besides tensors.
struct RunContext {
  std::filesystem::path directory;
  std::string config_yaml;
  std::string tokenizer;
  std::shared_ptr<spdlog::logger> log;
  const std::atomic<int>* stop_signal = nullptr;  ///< non-zero asks for a stop at the next step boundary
};

enum class Outcome {
  finished,
  stopped_early,  ///< `patience` validations in a row without a better one: saved
  time_limit,     ///< max_minutes reached: validated and saved
  interrupted,    ///< stop_signal: saved
};

struct TrainResult {
  Outcome outcome = Outcome::finished;
  int signal = 0;  ///< of an interruption
  std::int64_t step = 0;
  std::int64_t tokens = 0;
  double seconds = 0.0;
  std::optional<double> train_loss;      ///< of the last line
  std::optional<Evaluation> validation;  ///< the last one
  std::optional<NamedValue> best;        ///< of the validations, by what selects
  std::optional<std::int64_t> best_step;
};
/// As the text of result.json.
std::string to_json(const TrainResult& result);

struct OptimizationOptions {
  TrainOptions train;
  OptimizerOptions optimizer;
  ScheduleOptions schedule;
};

/// Runs a task step by step: forward and backward passes, optimizer, schedule, metrics, validation,
/// checkpoints. Inside a step the host never waits for the device's values; sums stay there and are read at
/// the lines of metrics. The constructor resumes as `train.resume` says. Errors: CheckpointError; UsageError
/// (neither steps nor epochs; patience without validations; resume: never in a used directory; another seed
/// or other data than the run began with).
class Trainer {
 public:
  Trainer(Task& task, const OptimizationOptions& options, RunContext context);

  /// Told of steps and metrics from now on. Not owned twice: the trainer keeps them.
  void add_observer(std::unique_ptr<Observer> observer) { observers_.push_back(std::move(observer)); }

  /// Trains until the last step, the time limit or a signal. Errors: NonFiniteError after `max_skipped`
  /// non-finite steps in a row; DiskFullError, DataError, whatever the task throws.
  TrainResult run();

  const RunState& state() const { return state_; }
  std::int64_t total_steps() const { return total_steps_; }

 private:
  using Clock = std::chrono::steady_clock;
  void resume();
  bool lost_patience() const;
  bool is_over() const { return state_.step >= total_steps_ || lost_patience(); }
  void take_step();
  void log_training();
  void check_finite(std::int64_t longest_row) const;
  bool validate();
  void save(bool is_best);
  void drop_optimizer_states() const;
  double seconds() const;
  int stop_signal() const;
  NamedTensors trainer_tensors() const;
  void report(const Metrics& metrics);

  Task& task_;
  OptimizationOptions options_;
  RunContext context_;
  CheckpointStore store_;
  Optimizer optimizer_;
  TrainingStep step_;
  std::int64_t total_steps_;
  RunState state_;
  std::optional<std::int64_t> saved_step_;
  std::vector<std::unique_ptr<Observer>> observers_;
  Clock::time_point begin_ = Clock::now();
  double seconds_before_ = 0.0;
  TrainResult result_;
};

/// A whole run with its usual observers: metrics.jsonl, TensorBoard events, and the console on `terminal`.
/// log.txt is the context's log (open_log). Errors: as Trainer.
TrainResult train(Task& task, const OptimizationOptions& options, const RunContext& context,
                  std::ostream& terminal, bool is_terminal);

}  // namespace mabert::train
