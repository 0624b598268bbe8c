#include "mabert/nn/encoder.h"

#include <string>

#include "mabert/core/error.h"

namespace mabert::nn {
namespace {

ModelOptions checked(const ModelOptions& options) {
  check_options(options);
  if (options.vocabulary_size < 1)
    throw UsageError("[model] vocabulary_size: expected at least 1 to build, got 0");
  return options;
}

}  // namespace

EncoderImpl::EncoderImpl(const ModelOptions& options) : options_(checked(options)) {
  embeddings_ = register_module("embeddings", Embeddings(options_));
  const auto list = register_module("layers", std::make_shared<torch::nn::Module>("layers"));
  for (std::int64_t i = 0; i < options_.distinct_layers(); ++i) {
    layers_.push_back(list->register_module(std::to_string(i), EncoderLayer(options_, i)));
  }
  if (options_.norm.placement == NormPlacement::pre) {
    final_norm_ = register_module("final_norm", Norm(options_.width, options_.norm));
  }
}

at::Tensor EncoderImpl::forward(const at::Tensor& token_ids, const at::Tensor& segment_ids,
                                const SequenceLayout& layout, const ForwardContext& context) {
  const PositionOptions& positions = options_.positions;
  if (positions.type != PositionType::none && layout.max_length() > positions.max_length) {
    throw UsageError("[encoder] layout: expected sequences of at most " +
                     std::to_string(positions.max_length) + " rows (model.positions.max_length), got " +
                     std::to_string(layout.max_length()));
  }
  at::Tensor x = embeddings_(token_ids, segment_ids, layout, context);  // (T, D)
  if (options_.residual_dtype == ResidualDtype::float32) x = to_wide(x);
  for (std::int64_t depth = 0; depth < options_.num_layers; ++depth)
    x = layer(depth).forward(x, layout, context, depth);
  x = final_norm_ ? final_norm_(x) : to_compute(x);
  return layout.select_valid(x);
}

}  // namespace mabert::nn
