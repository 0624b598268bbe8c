#include "mabert/nn/position_table.h"

#include <string>

#include <ATen/TensorOperators.h>
#include <ATen/ops/arange.h>
#include <ATen/ops/index_select.h>
#include <ATen/ops/lerp.h>

#include "mabert/core/error.h"

namespace mabert::nn {

at::Tensor grow_positions(const at::Tensor& table, std::int64_t length, PositionGrowth growth) {
  const std::int64_t rows = table.size(0);
  if (rows < 1) throw UsageError("[positions] table: expected at least one row, got none");
  if (length < rows) {
    throw UsageError("[positions] length: expected at least the table's " + std::to_string(rows) +
                     " rows, got " + std::to_string(length) + "; a table grows, it is not cut");
  }
  if (length == rows) return table;
  const at::TensorOptions on_device = table.options().requires_grad(false);
  const at::Tensor row = at::arange(length, on_device.dtype(at::kLong));
  if (growth == PositionGrowth::tile) return table.index_select(0, row.remainder(rows));
  // In float64: the place of a row must not depend on the table's precision.
  const at::Tensor place =
      row.to(at::kDouble) * (static_cast<double>(rows - 1) / static_cast<double>(length - 1));
  const at::Tensor below = place.floor().to(at::kLong).clamp_max(rows - 1);
  const at::Tensor above = (below + 1).clamp_max(rows - 1);
  const at::Tensor share = (place - below.to(at::kDouble)).unsqueeze(1);
  return at::lerp(table.index_select(0, below).to(at::kDouble), table.index_select(0, above).to(at::kDouble),
                  share)
      .to(table.scalar_type());  // (length, D)
}

}  // namespace mabert::nn
