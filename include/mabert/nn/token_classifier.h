#pragma once

#include "mabert/nn/encoder.h"

namespace mabert::nn {

/// Encoder, dropout and one projection at chosen rows: class scores of each word.
/// Source: Devlin et al. 2019, section 5.3 (a word stands at its first piece).
class TokenClassifierImpl : public ModuleBase {
 public:
  /// Errors: UsageError for a regression head.
  TokenClassifierImpl(const ModelOptions& options, const HeadOptions& head);

  /// Arguments as Encoder::forward; rows (P) int32; out (P, num_labels) fp32 (fp64).
  at::Tensor forward(const at::Tensor& token_ids, const at::Tensor& segment_ids, const at::Tensor& rows,
                     const SequenceLayout& layout, const ForwardContext& context);
  const ModelOptions& options() const { return encoder->options(); }
  const HeadOptions& head_options() const { return head_options_; }

  Encoder encoder{nullptr};
  Weights classifier{nullptr};

 private:
  HeadOptions head_options_;
};
TORCH_MODULE(TokenClassifier);

}  // namespace mabert::nn
