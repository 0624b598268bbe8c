#pragma once

#include <vector>

#include "mabert/nn/linear.h"
#include "mabert/nn/mamba_options.h"
#include "mabert/nn/sequence_mixer.h"
#include "mabert/ops/selective_scan.h"

namespace mabert::nn {

/// Mamba: (x, z) = in_proj(rows); u = conv(x); (δ, B, C) = x_proj(u); Δ = dt_proj(δ);
///   out = out_proj(scan(u, Δ, A, B, C, D) ⊙ silu(z)).
/// Bidirectional: both directions have their own convolution, x_proj, dt_proj, A and D; they run in one call
/// over 2E channels, their outputs are added before the gate. Δ holds the state at invalid rows. Source: Gu &
/// Dao 2023, "Mamba", section 3.4; bidirectional: own.
class MambaMixer : public SequenceMixer {
 public:
  MambaMixer(const MambaOptions& options, const MixerSettings& settings);
  bool can_be_causal() const override;
  Initializer initializer(const std::string& name) const override;

  /// forward, backward or bidirectional: `alternate` is resolved by the layer's occurrence.
  MambaDirection direction() const { return direction_; }

 protected:
  at::Tensor mix(const at::Tensor& rows, const SequenceLayout& layout,
                 const ForwardContext& context) override;
  bool selects_input(const ForwardContext& context) const override {
    return context.ablation.mask_conv_input;
  }
  bool selects_output(const ForwardContext& context) const override { return context.ablation.mask_output; }

 private:
  std::int64_t groups() const { return static_cast<std::int64_t>(reverse_.size()); }
  /// x (T, G·K) times each group's block of weight (G·P, K): (G, T, P).
  at::Tensor grouped_product(const at::Tensor& x, const at::Tensor& weight) const;

  MambaDirection direction_;
  std::vector<bool> reverse_;  // one entry per group
  ops::SavedStates saved_states_;
  std::int64_t inner_, state_size_, rank_;
  Linear in_proj_{nullptr}, out_proj_{nullptr};
  Weights conv1d_{nullptr}, x_proj_{nullptr}, dt_proj_{nullptr};
  at::Tensor a_log_, d_;
};

}  // namespace mabert::nn
