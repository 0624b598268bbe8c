#include "mabert/nn/masked_language_model.h"

#include <ATen/ops/gelu.h>
#include <ATen/ops/zeros.h>

#include "mabert/ops/linear.h"

namespace mabert::nn {
namespace {

// Matrix products with a ragged last dimension are several times slower on a GPU.
constexpr std::int64_t kVocabularyMultiple = 64;

}  // namespace

LanguageModelHeadImpl::LanguageModelHeadImpl(const ModelOptions& options)
    : padded_vocabulary_((options.vocabulary_size + kVocabularyMultiple - 1) / kVocabularyMultiple *
                         kVocabularyMultiple) {
  dense_ = register_module("dense", Linear(options.width, options.width));
  norm_ = register_module("norm", Norm(options.width, options.norm));
  bias_ = register_parameter("bias", at::zeros({options.vocabulary_size}));
}

at::Tensor LanguageModelHeadImpl::forward(const at::Tensor& x, const at::Tensor& token_weight) {
  const at::Tensor transformed = norm_(at::gelu(dense_(x)));  // (P, D)
  return ops::linear(transformed, compute_weight(token_weight, padded_vocabulary_),
                     compute_weight(bias_, padded_vocabulary_));  // (P, V')
}

Initializer LanguageModelHeadImpl::initializer(const std::string& /*name*/) const {
  return ConstantInitializer{0};
}

MaskedLanguageModelImpl::MaskedLanguageModelImpl(const ModelOptions& options) {
  encoder = register_module("encoder", Encoder(options));
  head = register_module("head", LanguageModelHead(options));
}

at::Tensor MaskedLanguageModelImpl::hidden(const at::Tensor& token_ids, const at::Tensor& segment_ids,
                                           const SequenceLayout& layout, const ForwardContext& context) {
  return encoder(token_ids, segment_ids, layout, context);
}

at::Tensor MaskedLanguageModelImpl::logits(const at::Tensor& hidden, const at::Tensor& rows) {
  return head(gather_rows(hidden, rows), encoder->token_weight());
}

}  // namespace mabert::nn
