#pragma once

#include <vector>

#include "mabert/nn/embeddings.h"
#include "mabert/nn/encoder_layer.h"

namespace mabert::nn {

/// Embeddings and a stack of layers that follow the layer pattern.
class EncoderImpl : public ModuleBase {
 public:
  /// Errors: UsageError for options with a problem, or without a vocabulary.
  explicit EncoderImpl(const ModelOptions& options);

  /// token_ids (T), segment_ids (T) int32; out (T, D) in the compute dtype, 0 at invalid rows. Never waits
  /// for the device. Ids must be in range: that is checked where the data is read. Errors: UsageError for
  /// shapes or dtypes, and for a layout longer than the positions.
  at::Tensor forward(const at::Tensor& token_ids, const at::Tensor& segment_ids, const SequenceLayout& layout,
                     const ForwardContext& context);

  const ModelOptions& options() const { return options_; }
  const at::Tensor& token_weight() const { return embeddings_->token_weight(); }
  /// The one at that depth; shared layers stand at several.
  EncoderLayerImpl& layer(std::int64_t depth) {
    return *layers_.at(static_cast<std::size_t>(depth) % layers_.size());
  }

 private:
  ModelOptions options_;
  Embeddings embeddings_{nullptr};
  std::vector<EncoderLayer> layers_;
  Norm final_norm_{nullptr};
};
TORCH_MODULE(Encoder);

}  // namespace mabert::nn
