#include "mabert/nn/sequence_classifier.h"

#include <vector>

#include <ATen/ops/linear.h>

#include "mabert/nn/dropout.h"

namespace mabert::nn {

SequenceClassifierImpl::SequenceClassifierImpl(const ModelOptions& options, const HeadOptions& head)
    : head_options_(head) {
  check_options(head);
  encoder = register_module("encoder", Encoder(options));
  pooling = register_module("pooling", Pooling(options.pooling, options.width));
  classifier = register_module("classifier", Weights(head.num_labels, options.width));
}

const SequenceLayout& SequenceClassifierImpl::pooled_layout(std::int64_t rows, c10::Device device) {
  if (!pooled_layout_ || pooled_layout_->rows() != rows || pooled_layout_->device() != device) {
    const std::vector<std::int64_t> lengths(static_cast<std::size_t>(rows), 1);
    pooled_layout_ = SequenceLayout::ragged(lengths).to(device);
  }
  return *pooled_layout_;
}

at::Tensor SequenceClassifierImpl::forward(const at::Tensor& token_ids, const at::Tensor& segment_ids,
                                           const SequenceLayout& layout, const ForwardContext& context) {
  at::Tensor pooled = pooling(encoder(token_ids, segment_ids, layout, context), layout);  // (S_cap, D)
  if (context.training && head_options_.dropout > 0) {
    pooled = apply_dropout(pooled, pooled_layout(layout.capacity(), layout.device()), head_options_.dropout,
                           dropout_number::kHead, context);
  }
  return at::linear(to_wide(pooled), classifier->weight, classifier->bias);  // (S_cap, labels)
}

}  // namespace mabert::nn
