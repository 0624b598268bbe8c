#include "mabert/nn/encoder_layer.h"

#include "mabert/nn/dropout.h"

namespace mabert::nn {

EncoderLayerImpl::EncoderLayerImpl(const ModelOptions& options, std::int64_t index)
    : pre_norm_(options.norm.placement == NormPlacement::pre), dropout_(options.dropout) {
  const LayerOptions& layer = options.layer(index);
  mixer_norm_ = register_module("mixer_norm", Norm(options.width, options.norm));
  mixer_ = register_module("mixer", layer.mixer.build(options.mixer_settings(index)));
  if (layer.feed_forward) {
    feed_forward_norm_ = register_module("feed_forward_norm", Norm(options.width, options.norm));
    feed_forward_ = register_module("feed_forward", FeedForward(options.width, *layer.feed_forward));
  }
}

at::Tensor EncoderLayerImpl::forward(const at::Tensor& x, const SequenceLayout& layout,
                                     const ForwardContext& context, std::int64_t depth) {
  const auto branch = [&](const at::Tensor& stream, Norm& norm, std::uint64_t number, const auto& function) {
    at::Tensor out = function(pre_norm_ ? norm(stream) : stream);
    out = stream + apply_dropout(out, layout, dropout_, number, context);  // (T, D), in the stream's dtype
    return pre_norm_ ? out : norm(out).to(stream.scalar_type());
  };
  const at::Tensor mixed = branch(x, mixer_norm_, dropout_number::mixer(depth), [&](const at::Tensor& rows) {
    return mixer_->forward(rows, layout, context);
  });
  if (!feed_forward_) return mixed;
  return branch(mixed, feed_forward_norm_, dropout_number::feed_forward(depth),
                [&](const at::Tensor& rows) { return feed_forward_(rows); });
}

}  // namespace mabert::nn
