#pragma once

#include "kernels/common/layout_view.h"

#include <ATen/core/Tensor.h>

namespace mabert::kernels {

/// Operators receive a layout as {offsets, begin, end, position, sequence, order} and, only with holes, the
/// row mask.
inline LayoutView view_layout(at::TensorList layout) {
  return {.offsets = layout[0].const_data_ptr<std::int32_t>(),
          .begin = layout[1].const_data_ptr<std::int32_t>(),
          .end = layout[2].const_data_ptr<std::int32_t>(),
          .position = layout[3].const_data_ptr<std::int32_t>(),
          .sequence = layout[4].const_data_ptr<std::int32_t>(),
          .order = layout[5].const_data_ptr<std::int32_t>(),
          .valid = layout.size() > 6 ? layout[6].const_data_ptr<bool>() : nullptr,
          .sequences = layout[1].size(0),
          .rows = layout[3].size(0)};
}

/// x with a contiguous last dimension, so that kernels need only a row stride.
inline at::Tensor with_dense_rows(const at::Tensor& x) {
  return x.dim() == 2 && (x.stride(1) == 1 || x.size(1) == 1) ? x : x.contiguous();
}

}  // namespace mabert::kernels
