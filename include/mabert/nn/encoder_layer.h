#pragma once

#include <cstdint>
#include <memory>

#include "mabert/nn/feed_forward.h"
#include "mabert/nn/model_options.h"
#include "mabert/nn/norm.h"
#include "mabert/nn/sequence_mixer.h"

namespace mabert::nn {

/// Mixer and optional feed-forward, each a residual branch: x + f(norm(x)) (pre) or norm(x + f(x)) (post).
/// Source: Xiong et al. 2020, "On Layer Normalization in the Transformer Architecture", table 1.
class EncoderLayerImpl : public ModuleBase {
 public:
  EncoderLayerImpl(const ModelOptions& options, std::int64_t index);
  /// x (T, D) to (T, D) in x's dtype. depth: where the layer stands in this pass, for dropout; a layer that
  /// is shared stands in several places.
  at::Tensor forward(const at::Tensor& x, const SequenceLayout& layout, const ForwardContext& context,
                     std::int64_t depth);
  SequenceMixer& mixer() { return *mixer_; }

 private:
  bool pre_norm_;
  double dropout_;
  std::shared_ptr<SequenceMixer> mixer_;
  Norm mixer_norm_{nullptr}, feed_forward_norm_{nullptr};
  FeedForward feed_forward_{nullptr};
};
TORCH_MODULE(EncoderLayer);

}  // namespace mabert::nn
