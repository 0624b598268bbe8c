#include "mabert/nn/forward_context.h"

#include <ATen/ops/full.h>
#include <ATen/ops/where.h>

namespace mabert::nn {

at::Tensor fill_invalid(const at::Tensor& x, const SequenceLayout& layout, const ForwardContext& context) {
  if (!context.pad_fill || layout.all_valid()) return x;
  std::vector<std::int64_t> shape(static_cast<std::size_t>(x.dim()), 1);
  shape[0] = layout.rows();
  // Converted, not filled: 1e30 becomes infinity in half precision.
  const at::Tensor fill = at::full({}, *context.pad_fill, x.options().dtype(at::kDouble)).to(x.scalar_type());
  return at::where(layout.row_mask().view(shape), x, fill);
}

}  // namespace mabert::nn
