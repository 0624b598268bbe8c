#include "mabert/nn/embeddings.h"

#include <sstream>

#include "mabert/core/error.h"
#include "mabert/nn/dropout.h"

namespace mabert::nn {
namespace {

WeightsSettings table(const Initializer& initializer) {
  WeightsSettings settings;
  settings.bias = false;
  settings.weight_initializer = initializer;
  return settings;
}

void check_ids(const char* name, const at::Tensor& ids, std::int64_t rows) {
  if (ids.defined() && ids.dim() == 1 && ids.size(0) == rows && ids.scalar_type() == at::kInt) return;
  std::ostringstream message;
  message << "[encoder] " << name << ": expected (" << rows << ") int32, got ";
  if (ids.defined()) {
    message << ids.sizes() << " " << c10::toString(ids.scalar_type());
  } else {
    message << "none";
  }
  throw UsageError(message.str());
}

}  // namespace

EmbeddingsImpl::EmbeddingsImpl(const ModelOptions& options) : dropout_(options.dropout) {
  token_ =
      register_module("token", Weights(options.vocabulary_size, options.width, table(NormalInitializer{})));
  if (options.positions.type == PositionType::learned) {
    positions_ = register_module(
        "positions", Weights(options.positions.max_length, options.width, table(NormalInitializer{})));
  }
  if (options.token_types > 0) {
    token_types_ = register_module(
        "token_types", Weights(options.token_types, options.width, table(ConstantInitializer{0})));
  }
  norm_ = register_module("norm", Norm(options.width, options.norm));
}

at::Tensor EmbeddingsImpl::forward(const at::Tensor& token_ids, const at::Tensor& segment_ids,
                                   const SequenceLayout& layout, const ForwardContext& context) {
  check_ids("token_ids", token_ids, layout.rows());
  if (segment_ids.defined()) check_ids("segment_ids", segment_ids, layout.rows());
  at::Tensor x = gather_rows(token_->weight, token_ids);  // (T, D)
  if (positions_) x = x + gather_rows(positions_->weight, layout.position());
  if (token_types_) {
    x = x + (segment_ids.defined() ? gather_rows(token_types_->weight, segment_ids)
                                   : token_types_->weight.select(0, 0));
  }
  // Before the norm: its weight's gradient multiplies what stands in padded rows, if only by 0.
  x = norm_(layout.select_valid(fill_invalid(x, layout, context)));
  return apply_dropout(x, layout, dropout_, dropout_number::kEmbeddings, context);
}

}  // namespace mabert::nn
