#include "mabert/train/training_step.h"

#include <algorithm>
#include <cstring>
#include <string>

#include <ATen/ops/empty.h>
#include <ATen/ops/zeros.h>
#include <c10/core/GradMode.h>

#include "mabert/core/error.h"

namespace mabert::train {
namespace {

bool captures(const Task& task, c10::Device device, StepGraphMode mode) {
  if (mode == StepGraphMode::off) return false;
  std::optional<std::string> obstacle = task.capture_obstacle();
  if (!obstacle && !device.is_cuda()) obstacle = "train.device: expected cuda, got " + device.str();
  if (obstacle && mode == StepGraphMode::on) {
    throw UsageError("[train] graph: cannot be on: " + *obstacle + "; use train.graph=auto");
  }
  return !obstacle;
}

}  // namespace

TrainingStep::TrainingStep(Task& task, Optimizer& optimizer, StepGraphMode mode)
    : task_(task), optimizer_(optimizer), device_(optimizer.gradient_norm().device()) {
  loss_sum_ = at::zeros({}, at::TensorOptions().dtype(at::kDouble).device(device_));
  correct_sum_ = at::zeros({}, at::TensorOptions().dtype(at::kLong).device(device_));
  if (captures(task_, device_, mode)) graph_ = make_step_graph(device_);
}

StepPlan TrainingStep::take(const Position& position, const StepSettings& settings) {
  StepPlan plan;
  const auto prepare = [&] {
    plan = task_.load(position);
    write_inputs(plan, settings);
  };
  if (graph_) {
    graph_->run(prepare, [this] { compute(); });
  } else {
    prepare();
    compute();
  }
  return plan;
}

void TrainingStep::write_inputs(const StepPlan& plan, const StepSettings& settings) {
  const std::int64_t passes = plan.micro_batches;
  const auto options = at::TensorOptions().dtype(at::kLong);
  const at::Tensor host = at::empty({passes + 1}, options.pinned_memory(device_.is_cuda()));
  auto* const words = host.mutable_data_ptr<std::int64_t>();
  for (std::int64_t i = 0; i < passes; ++i) words[i] = settings.first_pass + i;
  const auto predicted = static_cast<float>(std::max<std::int64_t>(plan.predicted, 1));
  const float scalars[] = {static_cast<float>(settings.learning_rate), 1.0f / predicted};
  static_assert(sizeof scalars == sizeof *words);
  std::memcpy(words + passes, scalars, sizeof scalars);
  if (!inputs_.defined() || inputs_.size(0) != host.size(0)) {
    inputs_ = at::empty(host.sizes(), options.device(device_));
    passes_ = inputs_.narrow(0, 0, passes);
    const at::Tensor pair = inputs_.narrow(0, passes, 1).view(at::kFloat);  // (2)
    learning_rate_ = pair.select(0, 0);
    loss_scale_ = pair.select(0, 1);
  }
  inputs_.copy_(host, /*non_blocking=*/true);
}

void TrainingStep::compute() {
  optimizer_.zero_gradients();
  at::Tensor loss;
  for (std::int64_t micro_batch = 0; micro_batch < passes_.size(0); ++micro_batch) {
    const PartialLoss partial = task_.forward(micro_batch, passes_.select(0, micro_batch));
    partial.sum.backward(loss_scale_);
    const c10::NoGradGuard no_grad;
    const at::Tensor sum = partial.sum.detach();
    loss = loss.defined() ? loss.add(sum) : sum;
    if (partial.correct.defined()) {
      counts_correct_ = true;
      correct_sum_.add_(partial.correct);
    }
  }
  loss_sum_.add_(loss);
  optimizer_.step(learning_rate_, loss);
}

}  // namespace mabert::train
