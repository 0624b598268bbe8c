#include "mabert/train/optimizer.h"

#include <ATen/ops/_fused_adamw.h>
#include <ATen/ops/isfinite.h>
#include <ATen/ops/linalg_vector_norm.h>
#include <ATen/ops/maximum.h>
#include <ATen/ops/zeros.h>
#include <ATen/ops/zeros_like.h>
#include <c10/core/GradMode.h>

#include "mabert/core/error.h"

namespace mabert::train {
namespace {

constexpr std::int64_t kAlignment = 16;  // elements: vector loads want 64 bytes
constexpr std::int64_t kChunk = 4096;  // a norm over chunks, then over their norms, keeps fp32 sums accurate

std::int64_t round_up(std::int64_t value, std::int64_t multiple) {
  return (value + multiple - 1) / multiple * multiple;
}

}  // namespace

Optimizer::Optimizer(const OptimizerOptions& options, std::optional<double> clip_norm,
                     const NamedTensors& parameters, const IsDecayed& is_decayed)
    : options_(options),
      clip_norm_(clip_norm),
      decayed_{options.weight_decay, {}, {}, {}, {}, {}},
      plain_{0.0, {}, {}, {}, {}, {}} {
  const c10::NoGradGuard no_grad;
  if (parameters.empty()) throw UsageError("[optimizer] expected at least one parameter, got none");
  std::int64_t total = 0;
  for (const NamedTensor& item : parameters) {
    if (item.tensor.scalar_type() != at::kFloat) {
      throw UsageError("[optimizer] " + item.name + ": expected float32, got " +
                       c10::toString(item.tensor.scalar_type()));
    }
    total += round_up(item.tensor.numel(), kAlignment);
  }
  const at::TensorOptions on_device = parameters.front().tensor.options().requires_grad(false);
  gradients_ = at::zeros({round_up(total, kChunk) / kChunk, kChunk}, on_device);
  step_ = at::zeros({}, on_device);
  gradient_norm_ = at::zeros({}, on_device);
  skipped_ = at::zeros({}, on_device.dtype(at::kLong));
  row_ = at::zeros({}, on_device.dtype(at::kLong));
  longest_row_ = at::zeros({}, on_device.dtype(at::kLong));
  state_ = {{"step", step_},
            {"skipped", skipped_},
            {"skipped_row", row_},
            {"longest_skipped_row", longest_row_},
            {"gradient_norm", gradient_norm_}};

  const at::Tensor flat = gradients_.view({-1});
  std::int64_t offset = 0;
  for (const NamedTensor& item : parameters) {
    at::Tensor parameter = item.tensor;
    const std::int64_t size = parameter.numel();
    parameter.mutable_grad() = flat.narrow(0, offset, size).view(parameter.sizes());
    offset += round_up(size, kAlignment);
    Group& group = is_decayed(item.name, parameter) ? decayed_ : plain_;
    group.parameters.push_back(parameter);
    group.gradients.push_back(parameter.grad());
    group.means.push_back(at::zeros_like(parameter, at::MemoryFormat::Contiguous));
    group.squares.push_back(at::zeros_like(parameter, at::MemoryFormat::Contiguous));
    group.steps.push_back(step_);
    state_.push_back({"exp_avg/" + item.name, group.means.back()});
    state_.push_back({"exp_avg_sq/" + item.name, group.squares.back()});
  }
}

void Optimizer::zero_gradients() { gradients_.zero_(); }

void Optimizer::step(const at::Tensor& learning_rate, const at::Tensor& loss) {
  const c10::NoGradGuard no_grad;
  gradient_norm_.copy_(at::linalg_vector_norm(at::linalg_vector_norm(gradients_, 2, at::IntArrayRef{1})));
  const at::Tensor good = at::isfinite(gradient_norm_).logical_and_(at::isfinite(loss));
  const at::Tensor found_inf = good.logical_not().to(at::kFloat);
  step_.add_(good);
  skipped_.add_(good.logical_not());
  row_.add_(1).mul_(good.logical_not());
  longest_row_.copy_(at::maximum(longest_row_, row_));
  std::optional<at::Tensor> divisor;
  if (clip_norm_) divisor = gradient_norm_.div(*clip_norm_).clamp_min_(1.0);
  for (Group* group : {&decayed_, &plain_}) {
    if (group->parameters.empty()) continue;
    at::_fused_adamw_(group->parameters, group->gradients, group->means, group->squares, {}, group->steps,
                      learning_rate, options_.beta1, options_.beta2, group->weight_decay, options_.epsilon,
                      /*amsgrad=*/false, /*maximize=*/false, divisor, found_inf);
  }
}

NamedTensors Optimizer::state() const { return state_; }

}  // namespace mabert::train
