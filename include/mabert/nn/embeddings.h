#pragma once

#include "mabert/core/sequence_layout.h"
#include "mabert/nn/forward_context.h"
#include "mabert/nn/linear.h"
#include "mabert/nn/model_options.h"
#include "mabert/nn/norm.h"

namespace mabert::nn {

/// dropout(norm(token[id] + position[p] + token_type[segment])), p counting valid rows. Sums in the
/// parameters' dtype. token_ids (T), segment_ids (T) int32 (undefined: all of type 0); out (T, D), finite at
/// invalid rows whatever their ids stand for. Errors: UsageError naming the argument.
class EmbeddingsImpl : public ModuleBase {
 public:
  explicit EmbeddingsImpl(const ModelOptions& options);
  at::Tensor forward(const at::Tensor& token_ids, const at::Tensor& segment_ids, const SequenceLayout& layout,
                     const ForwardContext& context);
  /// (V, D): also the decoder of the language-model head.
  const at::Tensor& token_weight() const { return token_->weight; }

 private:
  double dropout_;
  Weights token_{nullptr}, positions_{nullptr}, token_types_{nullptr};
  Norm norm_{nullptr};
};
TORCH_MODULE(Embeddings);

}  // namespace mabert::nn
