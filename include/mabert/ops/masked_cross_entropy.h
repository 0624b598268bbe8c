#pragma once

#include <ATen/core/Tensor.h>

namespace mabert::ops {

struct MaskedCrossEntropy {
  at::Tensor loss_sum;  ///< () fp32 (fp64): Σ over rows with label ≥ 0 of -log softmax(logits)[label];
                        ///< differentiable
  at::Tensor correct;   ///< () int64: rows whose largest logit is the label
};

/// Cross-entropy summed over the rows that have a label; rows with label -1 are slack and contribute exactly
/// nothing, whatever their logits hold. logits (P, V), labels (P) int32 or int64. vocabulary: only the first
/// `vocabulary` columns count (the rest pad V to a multiple of 64). Errors: UsageError naming the argument.
/// Source: Devlin et al. 2019, section 3.1.
MaskedCrossEntropy masked_cross_entropy(const at::Tensor& logits, const at::Tensor& labels,
                                        std::int64_t vocabulary);

}  // namespace mabert::ops
