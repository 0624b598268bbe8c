#pragma once

#include <cstdint>
#include <memory>

#include <ATen/core/Tensor.h>

#include "mabert/train/optimizer.h"
#include "mabert/train/options.h"
#include "mabert/train/step_graph.h"
#include "mabert/train/task.h"

namespace mabert::train {

/// What the host decides about a step besides its batches.
struct StepSettings {
  double learning_rate = 0.0;
  std::int64_t first_pass = 0;  ///< number of its first forward pass in the run
};

/// One optimizer step: gradients of every micro-batch, their sum, the update. The loss is the sum over all
/// predicted terms divided by their number. What changes from step to step is read from device tensors that
/// are written before, so that the rest can run as one CUDA graph, with the same bits. Source: own.
class TrainingStep {
 public:
  /// Keeps references to both. Errors: UsageError when the mode is `on` and a step cannot be captured.
  TrainingStep(Task& task, Optimizer& optimizer, StepGraphMode mode);

  StepPlan take(const Position& position, const StepSettings& settings);

  /// Device sums over the steps since they were set to 0: () float64, () int64.
  const at::Tensor& loss_sum() const { return loss_sum_; }
  const at::Tensor& correct_sum() const { return correct_sum_; }
  /// Whether the task says what it predicted right; known after the first step.
  bool counts_correct() const { return counts_correct_; }
  /// Whether steps run as a CUDA graph, the first few excepted.
  bool is_captured() const { return graph_ != nullptr; }

 private:
  void write_inputs(const StepPlan& plan, const StepSettings& settings);
  void compute();

  Task& task_;
  Optimizer& optimizer_;
  c10::Device device_;
  std::unique_ptr<StepGraph> graph_;
  at::Tensor loss_sum_, correct_sum_;
  bool counts_correct_ = false;
  at::Tensor inputs_;         // one int64 buffer, of which the following are views
  at::Tensor passes_;         // (micro-batches) int64
  at::Tensor learning_rate_;  // () fp32
  at::Tensor loss_scale_;     // () fp32: 1 / predicted terms
};

}  // namespace mabert::train
