#include "mabert/train/trainer.h"

#include "memory.h"

#include <cmath>
#include <utility>

#include <ATen/ops/stack.h>

#include "mabert/core/error.h"
#include "mabert/train/checkpoint_export.h"

namespace mabert::train {
namespace {

std::int64_t count_steps(Task& task, const TrainOptions& options) {
  if (options.steps) return *options.steps;
  if (!options.epochs) throw UsageError("[train] steps: expected either steps or epochs, got neither");
  std::int64_t total = 0;
  for (std::int64_t epoch = 0; epoch < *options.epochs; ++epoch) total += task.steps_in_epoch(epoch);
  return total;
}

void check(const OptimizationOptions& options, const Task& task) {
  if (const auto problem = options.schedule.validate()) {
    throw UsageError("[schedule] " + problem->key + ": expected " + problem->expected + ", got " +
                     problem->got);
  }
  if (!options.train.patience) return;
  if (options.train.validate_every == 0) {
    throw UsageError("[train] patience: expected train.validate_every of at least 1 beside it, got 0");
  }
  if (!task.has_validation()) {
    throw UsageError(
        "[train] patience: expected held-out data to validate on, got none; set patience to null");
  }
}

bool is_due(std::int64_t step, std::int64_t every) { return every > 0 && step % every == 0; }

}  // namespace

Trainer::Trainer(Task& task, const OptimizationOptions& options, RunContext context)
    : task_(task),
      options_(options),
      context_(std::move(context)),
      store_(context_.directory / "checkpoints", options.train.keep_last),
      optimizer_(options.optimizer, options.train.clip_norm, task.parameters(),
                 [&task](const std::string& name, const at::Tensor& p) { return task.is_decayed(name, p); }),
      step_(task, optimizer_, options.train.graph),
      total_steps_(count_steps(task, options.train)) {
  check(options_, task_);
  state_.seed = options.train.seed;
  state_.data_fingerprint = task_.data_fingerprint();
  resume();
  seconds_before_ = state_.seconds;
  if (step_.is_captured()) context_.log->info("steps run as one CUDA graph");
}

TrainResult Trainer::run() {
  begin_ = Clock::now();
  result_ = {};
  while (!is_over()) {
    if ((result_.signal = stop_signal()) != 0) {
      result_.outcome = Outcome::interrupted;
      break;
    }
    const auto& limit = options_.train.max_minutes;
    if (limit && seconds() >= *limit * 60.0) {
      result_.outcome = Outcome::time_limit;
      break;
    }
    take_step();
    for (const auto& observer : observers_) observer->on_step(state_.step);
    const bool is_last = state_.step == total_steps_;
    if (state_.step == 1 || is_last || is_due(state_.step, options_.train.log_every)) log_training();
    bool is_best = false;
    if (is_last || is_due(state_.step, options_.train.validate_every)) is_best = validate();
    if (lost_patience() && state_.window.steps > 0) log_training();
    if (is_over() || is_best || is_due(state_.step, options_.train.checkpoint_every)) save(is_best);
  }
  if (is_over() && state_.step < total_steps_) result_.outcome = Outcome::stopped_early;
  if (state_.step > 0) {
    bool is_best = false, has_logged = false;
    if (result_.outcome != Outcome::interrupted) {
      has_logged = state_.window.steps > 0;
      if (has_logged) log_training();
      if (state_.validation_step != state_.step) is_best = validate();
    }
    if (is_best || has_logged || saved_step_ != state_.step) save(is_best);
    if (is_over() && !options_.train.keep_optimizer) drop_optimizer_states();
  }
  result_.step = state_.step;
  result_.tokens = state_.tokens;
  result_.seconds = seconds();
  result_.train_loss = state_.train_loss;
  result_.validation = state_.validation;
  if (options_.train.keep_best) {
    result_.best = state_.best;
    result_.best_step = state_.best_step;
  }
  return result_;
}

void Trainer::take_step() {
  const Clock::time_point begin = Clock::now();
  const double rate =
      learning_rate(options_.schedule, options_.optimizer.learning_rate, total_steps_, state_.step);
  const StepPlan plan = step_.take(state_.position, {.learning_rate = rate, .first_pass = state_.passes});
  ++state_.step;
  state_.passes += plan.micro_batches;
  state_.position = plan.next;
  state_.tokens += plan.tokens;
  ++state_.window.steps;
  state_.window.predicted += plan.predicted;
  state_.window.tokens += plan.tokens;
  state_.window.seconds += std::chrono::duration<double>(Clock::now() - begin).count();
}

void Trainer::log_training() {
  const Clock::time_point begin = Clock::now();
  // The one place where the host waits for the device: everything is read at once.
  const at::Tensor values =
      at::stack({step_.loss_sum(), step_.correct_sum().to(at::kDouble),
                 optimizer_.gradient_norm().to(at::kDouble), optimizer_.skipped().to(at::kDouble),
                 optimizer_.longest_skipped_row().to(at::kDouble)})
          .to(at::kCPU);
  const double* value = values.const_data_ptr<double>();
  state_.window.seconds += std::chrono::duration<double>(Clock::now() - begin).count();

  const auto predicted = static_cast<double>(std::max<std::int64_t>(state_.window.predicted, 1));
  Metrics metrics{.step = state_.step, .split = Split::train, .loss = value[0] / predicted};
  metrics.lr =
      learning_rate(options_.schedule, options_.optimizer.learning_rate, total_steps_, state_.step - 1);
  metrics.grad_norm = value[2];
  metrics.tokens = state_.tokens;
  metrics.tokens_per_second =
      static_cast<double>(state_.window.tokens) / std::max(state_.window.seconds, 1e-9);
  if (step_.counts_correct()) metrics.values = {{task_.accuracy_name(), value[1] / predicted}};
  metrics.predicted = state_.window.predicted;
  metrics.skipped = static_cast<std::int64_t>(value[3]);
  metrics.seconds = seconds();
  metrics.memory = memory_in_use(step_.loss_sum().device());
  step_.loss_sum().zero_();
  step_.correct_sum().zero_();
  state_.window = {};
  state_.train_loss = metrics.loss;
  report(metrics);
  check_finite(static_cast<std::int64_t>(value[4]));
}

void Trainer::check_finite(std::int64_t longest_row) const {
  if (longest_row < options_.train.max_skipped) return;
  const auto last = store_.pointer("last");
  throw NonFiniteError(
      "[train] loss or gradients were not finite in " + std::to_string(longest_row) +
      " steps in a row before step " + std::to_string(state_.step + 1) +
      "; lower optimizer.learning_rate or train.clip_norm, or use train.precision=float32 (" +
      (last ? "last checkpoint: " + store_.path_of(*last).string() : "no checkpoint yet") + ")");
}

/// Returns whether this is the best so far and its checkpoint is to be kept.
bool Trainer::validate() {
  const std::optional<Evaluation> evaluation = task_.validate();
  if (!evaluation) return false;
  state_.validation = evaluation;
  state_.validation_step = state_.step;
  Metrics metrics{.step = state_.step, .split = Split::valid, .loss = evaluation->loss};
  metrics.tokens = evaluation->tokens;
  metrics.values = evaluation->values;
  metrics.predicted = evaluation->predicted;
  metrics.seconds = seconds();
  report(metrics);
  const double value = evaluation->selecting_value();
  const bool is_first = !state_.best || state_.best->name != evaluation->selects;
  const bool is_best =
      std::isfinite(value) &&
      (is_first || (evaluation->higher_is_better ? value > state_.best->value : value < state_.best->value));
  state_.stale = is_best ? 0 : state_.stale + 1;
  if (!is_best) return false;
  state_.best = {evaluation->selects, value};
  state_.best_step = state_.step;
  return options_.train.keep_best;
}

bool Trainer::lost_patience() const {
  return options_.train.patience && state_.stale >= *options_.train.patience;
}

void Trainer::save(bool is_best) {
  check_finite(optimizer_.longest_skipped_row().item<std::int64_t>());
  state_.seconds = seconds();
  CheckpointContent content;
  content.model = task_.parameters();
  for (NamedTensor& buffer : task_.buffers()) content.model.push_back(std::move(buffer));
  if (options_.train.keep_optimizer || !is_over()) content.optimizer = trainer_tensors();
  content.state_json = to_json(state_);
  content.config_yaml = context_.config_yaml;
  content.tokenizer = context_.tokenizer;
  store_.save(state_.step, content, is_best);
  saved_step_ = state_.step;
  context_.log->debug("saved {}", store_.path_of(state_.step).string());
}

/// Of the checkpoints that were saved on the way; the last one has none.
void Trainer::drop_optimizer_states() const {
  for (const std::int64_t step : store_.steps()) {
    try {
      remove_optimizer_state(store_.path_of(step));
    } catch (const Error& error) {  // as on a full disk; the run is finished all the same
      context_.log->warn("{}", error.what());
    }
  }
}

void Trainer::resume() {
  const Resume mode = options_.train.resume;
  if (mode == Resume::never) {
    if (store_.steps().empty()) return;
    throw UsageError(context_.directory.string() +
                     ": already holds checkpoints; use train.resume=auto, or another run directory");
  }
  std::vector<std::string> problems;
  const auto found = store_.newest_good(problems);
  if (!found) {
    if (!problems.empty()) throw CheckpointError(problems.front() + " (no older checkpoint is good either)");
    if (mode == Resume::automatic) return;
    throw CheckpointError(context_.directory.string() +
                          ": no checkpoint to resume from; use train.resume=auto");
  }
  for (const std::string& problem : problems)
    context_.log->warn("{}; resuming from step {}", problem, found->step);
  const Checkpoint& checkpoint = found->checkpoint;
  const RunState state =
      parse_run_state(checkpoint.state_json(), (checkpoint.directory() / "state.json").string());
  if (state.seed != options_.train.seed) {
    throw UsageError("train.seed: expected " + std::to_string(state.seed) + " as in " +
                     checkpoint.directory().string() + ", got " + std::to_string(options_.train.seed));
  }
  if (state.data_fingerprint && state.data_fingerprint != state_.data_fingerprint) {
    throw UsageError("data: " + checkpoint.directory().string() + " was trained on other data (expected " +
                     *state.data_fingerprint + "; got " + *state_.data_fingerprint +
                     "); give the data that the run began with, or use another run directory");
  }
  if (checkpoint.config_yaml() != context_.config_yaml) {
    context_.log->warn("the configuration differs from that of {}", checkpoint.directory().string());
  }
  NamedTensors model = task_.parameters();
  for (NamedTensor& buffer : task_.buffers()) model.push_back(std::move(buffer));
  const SafetensorsFile optimizer = checkpoint.optimizer();
  const std::string fingerprint = task_.data_fingerprint();
  state_ = state;
  state_.data_fingerprint = fingerprint;
  // Only a checkpoint that was made for the run to begin with may lack it.
  if (optimizer.empty() && state.step > 0 && !is_over()) {
    throw CheckpointError(
        checkpoint.directory().string() + ": holds weights only (train.keep_optimizer: false), so step " +
        std::to_string(state.step) + " is where it ends; to train on, begin another run from it");
  }
  copy_into(checkpoint.model(), model);
  if (!optimizer.empty()) copy_into(optimizer, trainer_tensors());
  saved_step_ = state_.step;
  store_.point_at(state_.step, options_.train.keep_best ? state_.best_step : std::nullopt);
  context_.log->info("{} {}", state_.step > 0 ? "resumed" : "begins with", checkpoint.directory().string());
}

double Trainer::seconds() const {
  return seconds_before_ + std::chrono::duration<double>(Clock::now() - begin_).count();
}

int Trainer::stop_signal() const {
  return context_.stop_signal == nullptr ? 0 : context_.stop_signal->load();
}

NamedTensors Trainer::trainer_tensors() const {
  NamedTensors tensors = optimizer_.state();
  tensors.push_back({"window_loss", step_.loss_sum()});
  tensors.push_back({"window_correct", step_.correct_sum()});
  return tensors;
}

void Trainer::report(const Metrics& metrics) {
  for (const auto& observer : observers_) observer->on_metrics(metrics);
}

}  // namespace mabert::train
