#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include <ATen/core/Tensor.h>

#include "mabert/config/fields.h"
#include "mabert/train/safetensors.h"

namespace mabert::train {

struct OptimizerOptions {
  double learning_rate = 5e-4;
  double beta1 = 0.9;
  double beta2 = 0.98;
  double epsilon = 1e-6;
  double weight_decay = 0.01;

  template <class Self, class Visitor>
  static void visit_fields(Self& self, Visitor& visit) {
    visit("learning_rate", self.learning_rate, config::above(0), "Peak learning rate.");
    visit("beta1", self.beta1, config::between(0, 0.9999), "Decay of the mean of the gradients.");
    visit("beta2", self.beta2, config::between(0, 0.99999), "Decay of the mean of their squares.");
    visit("epsilon", self.epsilon, config::above(0), "Added to the root of the second moment.");
    visit("weight_decay", self.weight_decay, config::at_least(0), "Decoupled decay of the decayed group.");
  }
};

/// AdamW over two groups of parameters (decayed or not), with clipping by the global norm and skipping of
/// non-finite steps, all on the device: nothing in a step waits for it or depends on its values.
///   g ← g / max(1, ‖g‖ / clip_norm);  θ ← θ - lr·λ·θ;  m ← β₁m + (1-β₁)g;  v ← β₂v + (1-β₂)g²;
///   θ ← θ - lr · (m / (1-β₁ᵗ)) / (√(v / (1-β₂ᵗ)) + ε)
/// When ‖g‖ or the loss is not finite, θ, m, v and t stay as they are and the step is counted as skipped.
/// Parameters fp32; moments fp32. Gradients are views of one buffer that the optimizer owns; a parameter
/// outside the graph has gradient 0. Errors: UsageError for a parameter that is not fp32. Source: Loshchilov
/// & Hutter 2019, "Decoupled weight decay regularization", algorithm 2.
class Optimizer {
 public:
  using IsDecayed = std::function<bool(const std::string& name, const at::Tensor& parameter)>;

  Optimizer(const OptimizerOptions& options, std::optional<double> clip_norm, const NamedTensors& parameters,
            const IsDecayed& is_decayed);

  /// Sets every gradient to 0.
  void zero_gradients();
  /// One update from the gradients accumulated. learning_rate: () fp32 on the device; loss: () of the step,
  /// only to see whether it is finite.
  void step(const at::Tensor& learning_rate, const at::Tensor& loss);

  /// () fp32 on the device: norm of the last step's gradient, before clipping.
  const at::Tensor& gradient_norm() const { return gradient_norm_; }
  /// () int64 on the device: steps skipped so far, skipped in a row now, and the longest such row.
  const at::Tensor& skipped() const { return skipped_; }
  const at::Tensor& longest_skipped_row() const { return longest_row_; }

  /// Every state tensor, by parameter name (`exp_avg/NAME`, `exp_avg_sq/NAME`) and for the whole; these are
  /// the live tensors, so that copying into them restores.
  NamedTensors state() const;

 private:
  struct Group {
    double weight_decay;
    std::vector<at::Tensor> parameters, gradients, means, squares, steps;
  };
  OptimizerOptions options_;
  std::optional<double> clip_norm_;
  Group decayed_, plain_;
  NamedTensors state_;
  at::Tensor
      gradients_;  // (chunks, kChunk): all gradients, so that the norm is two reductions and zeroing one fill
  at::Tensor step_, gradient_norm_, skipped_, row_, longest_row_;
};

}  // namespace mabert::train
