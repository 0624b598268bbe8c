#include "mabert/nn/pooling.h"

#include <limits>

#include <ATen/ops/full.h>
#include <ATen/ops/mv.h>
#include <ATen/ops/where.h>
#include <ATen/ops/zeros.h>

#include "mabert/ops/attention_pool.h"

namespace mabert::nn {
namespace {

at::Tensor is_empty(const SequenceLayout& layout) {
  return layout.begin().eq(layout.end()).unsqueeze(1);
}  // (S, 1)

at::Tensor first_rows(const at::Tensor& x, const SequenceLayout& layout) {
  const at::Tensor begin = layout.begin().clamp_max(layout.rows() - 1);
  return at::where(is_empty(layout), at::Scalar(0), gather_rows(x, begin));
}

at::Tensor largest(const at::Tensor& x, const SequenceLayout& layout) {
  const at::Scalar lowest = -std::numeric_limits<double>::infinity();
  const at::Tensor candidates = layout.all_valid() ? x : at::where(layout.row_mask().unsqueeze(1), x, lowest);
  const at::Tensor index = layout.sequence().to(at::kLong).unsqueeze(1).expand_as(x);
  const at::Tensor out = at::full({layout.capacity(), x.size(1)}, lowest, x.options())
                             .scatter_reduce(0, index, candidates, "amax");
  return at::where(is_empty(layout), at::Scalar(0), out);
}

}  // namespace

PoolingImpl::PoolingImpl(PoolingType type, std::int64_t width) : type_(type) {
  WeightsSettings settings;
  settings.bias = false;  // softmax does not see a bias
  if (type == PoolingType::attention) score_ = register_module("score", Weights(1, width, settings));
}

at::Tensor PoolingImpl::forward(const at::Tensor& rows, const SequenceLayout& layout) {
  const at::Tensor x = layout.select_valid(rows);  // (T, D)
  switch (type_) {
    case PoolingType::attention:
      return ops::attention_pool(x, at::mv(to_wide(x), to_wide(score_->weight).select(0, 0)),
                                 layout);  // (S, D)
    case PoolingType::cls:
      return first_rows(x, layout);
    case PoolingType::max:
      return largest(x, layout);
    case PoolingType::mean:
      break;
  }
  // Equal scores weigh rows equally.
  return ops::attention_pool(x, at::zeros({layout.rows()}, to_wide(x).options()), layout);
}

}  // namespace mabert::nn
