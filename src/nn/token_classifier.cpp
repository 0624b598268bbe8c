#include "mabert/nn/token_classifier.h"

#include <ATen/ops/linear.h>

#include "mabert/core/error.h"
#include "mabert/nn/dropout.h"

namespace mabert::nn {

TokenClassifierImpl::TokenClassifierImpl(const ModelOptions& options, const HeadOptions& head)
    : head_options_(head) {
  check_options(head);
  if (head.regression) throw UsageError("[head] regression: expected false for a token classifier, got true");
  encoder = register_module("encoder", Encoder(options));
  classifier = register_module("classifier", Weights(head.num_labels, options.width));
}

at::Tensor TokenClassifierImpl::forward(const at::Tensor& token_ids, const at::Tensor& segment_ids,
                                        const at::Tensor& rows, const SequenceLayout& layout,
                                        const ForwardContext& context) {
  // Dropped before the rows are chosen: the layout tells which sample and position each row is.
  const at::Tensor hidden = apply_dropout(encoder(token_ids, segment_ids, layout, context), layout,
                                          head_options_.dropout, dropout_number::kHead, context);  // (T, D)
  return at::linear(to_wide(gather_rows(hidden, rows)), classifier->weight, classifier->bias);  // (P, labels)
}

}  // namespace mabert::nn
