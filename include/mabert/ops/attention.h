#pragma once

#include <cstdint>
#include <optional>

#include <ATen/core/Tensor.h>

#include "mabert/core/sequence_layout.h"

namespace mabert::ops {

struct AttentionWindow {
  bool causal = false;
  std::optional<std::int64_t> left;   ///< positions seen to the left; absent: all
  std::optional<std::int64_t> right;  ///< positions seen to the right; absent: all
  std::optional<double> scale;        ///< absent: (head dimension)^-1/2
};

/// Scaled dot-product attention inside each sequence, over its valid rows:
///   out = softmax(scale · q kᵀ) v, masked to the window (counted in valid rows).
/// q, k, v (T, H, K), the same dtype, last dimension contiguous; out (T, H, K), 0 at invalid rows.
/// CPU: fp32 and fp64, exact. CUDA: bf16/fp16 variable-length flash attention, fp32 the memory-efficient
/// kernel. Errors: UsageError naming the argument. Source: Vaswani et al. 2017, equation 1.
at::Tensor attention(const at::Tensor& q, const at::Tensor& k, const at::Tensor& v,
                     const SequenceLayout& layout, const AttentionWindow& window = {});

}  // namespace mabert::ops
