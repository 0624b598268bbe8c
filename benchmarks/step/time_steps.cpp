#include "benchmarks/step/time_steps.h"

#include "benchmarks/harness/table.h"
#include "benchmarks/step/profile.h"
#include "benchmarks/step/random_data.h"

#include <chrono>
#include <cmath>
#include <memory>

#include "mabert/core/error.h"
#include "mabert/train/console.h"
#include "mabert/train/mlm_task.h"
#include "mabert/train/trainer.h"

namespace mabert::bench {
namespace {

// Thrown out of the trainer once everything is measured: a run that ended by itself would write a checkpoint.
struct Finished {};

// A mark after each step: the time between two is a whole step, with its data and without waiting inside.
class StepClock final : public train::Observer {
 public:
  StepClock(const BenchDevice& device, const train::Trainer& trainer, const StepSettings& settings,
            StepTimes& times)
      : device_(device), trainer_(trainer), settings_(settings), times_(times) {}

  void on_metrics(const train::Metrics& metrics) override {
    const std::int64_t skipped = metrics.skipped.value_or(0);
    if (!std::isfinite(metrics.loss) || skipped > 0) {
      throw NonFiniteError("[step] loss " + significant(metrics.loss, 4) + " after " +
                           std::to_string(metrics.step) + " steps, " + std::to_string(skipped) +
                           " of them skipped: expected a finite loss and none skipped");
    }
    if (metrics.step >= settings_.last()) throw Finished();
  }

  void on_step(std::int64_t step) override {
    const std::int64_t first = settings_.warm_up, last = first + settings_.samples;
    if (step < first) return;
    if (step <= last) {
      marks_.push_back(device_.mark());
      host_.push_back(std::chrono::steady_clock::now());
      const train::RunState& state = trainer_.state();
      if (step == first) before_ = {state.tokens, state.window.predicted};
    }
    if (step < last) return;
    if (step == last) {
      finish();
      if (profiles()) start_profile();
    }
    if (step == settings_.last() && profiles()) {
      device_.synchronize();
      times_.kernels = stop_profile();
    }
  }

 private:
  struct Counts {
    std::int64_t tokens = 0, predicted = 0;
  };

  bool profiles() const { return settings_.profiled > 0 && device_.device().is_cuda(); }

  void finish() {
    device_.synchronize();
    for (std::size_t i = 1; i < marks_.size(); ++i) {
      times_.device_ms.push_back(marks_[i]->since(*marks_[i - 1]));
      times_.host_ms.push_back(std::chrono::duration<double, std::milli>(host_[i] - host_[i - 1]).count());
    }
    const train::RunState& state = trainer_.state();
    const auto steps = static_cast<double>(settings_.samples);
    times_.tokens = static_cast<double>(state.tokens - before_.tokens) / steps;
    times_.predicted = static_cast<double>(state.window.predicted - before_.predicted) / steps;
  }

  const BenchDevice& device_;
  const train::Trainer& trainer_;
  const StepSettings& settings_;
  StepTimes& times_;
  Counts before_;
  std::vector<std::unique_ptr<Mark>> marks_;
  std::vector<std::chrono::steady_clock::time_point> host_;
};

// A model may be trained again by another trainer, beside whose gradients these would count as memory.
class WithoutGradients {
 public:
  explicit WithoutGradients(nn::MaskedLanguageModel& model) : model_(model) {}
  ~WithoutGradients() {
    for (at::Tensor& parameter : model_->parameters()) parameter.mutable_grad().reset();
  }
  WithoutGradients(const WithoutGradients&) = delete;
  WithoutGradients& operator=(const WithoutGradients&) = delete;

 private:
  nn::MaskedLanguageModel& model_;
};

}  // namespace

StepTimes time_steps(const BenchDevice& device, const app::RunConfig& config, nn::MaskedLanguageModel model,
                     std::span<const std::int64_t> lengths, const StepSettings& settings, std::ostream& log) {
  const WithoutGradients afterwards(model);
  const TemporaryFolder folder;
  std::vector<std::int64_t> documents(lengths.begin(), lengths.end());
  for (std::int64_t& length : documents) length -= 2;  // [CLS] and [SEP]
  const auto shards = write_random_shards(folder.path() / "train", config.model.vocabulary_size, documents);
  data::LoaderContext context{.seed = config.train.seed};
  context.vocabulary_size = config.model.vocabulary_size;
  context.max_positions = config.model.positions.max_length;
  const auto loader = std::make_shared<data::MlmLoader>(
      shards, data::MlmOptions{config.samples, config.masking, config.batch}, context);

  train::MlmTask task(model, loader, nullptr, {device.device(), config.train.seed, 0});
  const std::filesystem::path run = folder.path() / "run";
  std::filesystem::create_directories(run);
  device.reset_peak_memory();
  train::TrainOptions options = config.train;
  options.log_every = settings.last();  // there the loss is read, after the last step that is timed
  train::Trainer trainer(task, {options, config.optimizer, config.schedule},
                         {run, "", "", train::open_log(run / "log.txt", log, false), nullptr});
  StepTimes times;
  trainer.add_observer(std::make_unique<StepClock>(device, trainer, settings, times));
  try {
    trainer.run();
  } catch (const Finished&) {
  }
  if (times.device_ms.empty()) throw UsageError("train.steps: expected enough steps to measure");
  return times;
}

}  // namespace mabert::bench
