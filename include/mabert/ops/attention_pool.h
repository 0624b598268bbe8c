#pragma once

#include <ATen/core/Tensor.h>

#include "mabert/core/sequence_layout.h"

namespace mabert::ops {

/// Mask-aware attention pooling: out[s] = Σ_t softmax(scores over the valid rows of s)_t · x[t]; 0 for an
/// empty sequence. x (T, D), scores (T) fp32 (fp64 with fp64 x); out (S_cap, D) in x's dtype, sums in fp32
/// (fp64). Errors: UsageError naming the argument. Source: MaBERT (arXiv 2603.03001), mask-aware attention
/// pooling.
at::Tensor attention_pool(const at::Tensor& x, const at::Tensor& scores, const SequenceLayout& layout);

}  // namespace mabert::ops
