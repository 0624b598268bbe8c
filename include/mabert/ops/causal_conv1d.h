#pragma once

#include <optional>
#include <vector>

#include <ATen/core/Tensor.h>

#include "mabert/core/sequence_layout.h"

namespace mabert::ops {

/// Depthwise causal convolution followed by SiLU, zero history at each sequence start:
///   out[t, e] = silu(bias[e] + Σ_{w<W} weight[e, w] · x[t - (W-1) + w, e]); a reversed group mirrors time.
/// x (T, E), weight (E, W) fp32 or x's dtype, bias (E)? ; out (T, E) in x's dtype. Invalid rows count as
/// zeros and give 0. reverse: one entry per group of E / G consecutive channels. Errors: UsageError naming
/// the argument. Source: Gu & Dao 2023, "Mamba", section 3.4 (figure 3).
at::Tensor causal_conv1d(const at::Tensor& x, const at::Tensor& weight, const std::optional<at::Tensor>& bias,
                         const SequenceLayout& layout, const std::vector<bool>& reverse = {false});

}  // namespace mabert::ops
