#pragma once

#include "mabert/nn/encoder.h"

namespace mabert::nn {

/// Token prediction: norm(gelu(dense(x))) · tokenᵀ + bias, the decoder being the token embedding.
/// Source: Devlin et al. 2019, section 3.1 (as in the published code).
class LanguageModelHeadImpl : public ModuleBase {
 public:
  explicit LanguageModelHeadImpl(const ModelOptions& options);
  /// x (P, D), token_weight (V, D); out (P, V rounded up to a multiple of 64) in the compute dtype.
  at::Tensor forward(const at::Tensor& x, const at::Tensor& token_weight);
  Initializer initializer(const std::string& name) const override;

 private:
  std::int64_t padded_vocabulary_;
  Linear dense_{nullptr};
  Norm norm_{nullptr};
  at::Tensor bias_;
};
TORCH_MODULE(LanguageModelHead);

/// Encoder with a masked-language-model head.
class MaskedLanguageModelImpl : public ModuleBase {
 public:
  explicit MaskedLanguageModelImpl(const ModelOptions& options);

  /// As Encoder::forward.
  at::Tensor hidden(const at::Tensor& token_ids, const at::Tensor& segment_ids, const SequenceLayout& layout,
                    const ForwardContext& context);
  /// hidden (T, D), rows (P) int32; out (P, V rounded up to a multiple of 64). Columns from V on mean
  /// nothing.
  at::Tensor logits(const at::Tensor& hidden, const at::Tensor& rows);
  const ModelOptions& options() const { return encoder->options(); }

  Encoder encoder{nullptr};
  LanguageModelHead head{nullptr};
};
TORCH_MODULE(MaskedLanguageModel);

}  // namespace mabert::nn
