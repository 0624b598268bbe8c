#pragma once

#include <optional>

#include <ATen/core/Tensor.h>
#include <ATen/ops/index_select.h>
#include <ATen/ops/zeros.h>

#include "mabert/core/select_rows.h"

namespace mabert::kernels {

/// x (T, H, K) restricted to the rows that take part: gathered, or all of them. Last dimension dense.
inline at::Tensor gather_rows(const at::Tensor& x, const std::optional<at::Tensor>& rows) {
  if (rows.has_value()) return at::index_select(x, 0, *rows);
  return x.stride(2) == 1 ? x : x.contiguous();
}

/// x with 0 selected at the rows that are not kept.
inline at::Tensor keep_rows(const at::Tensor& x, const std::optional<at::Tensor>& keep) {
  return keep.has_value() ? select_rows(x, *keep) : x;
}

/// Back to (T, H, K): gathered rows at their places, 0 elsewhere.
inline at::Tensor scatter_rows(const at::Tensor& x, const std::optional<at::Tensor>& rows,
                               const std::optional<at::Tensor>& keep, std::int64_t total) {
  if (!rows.has_value()) return keep_rows(x, keep);
  at::Tensor all = at::zeros({total, x.size(1), x.size(2)}, x.options());
  return all.index_copy_(0, rows->to(at::kLong), x);
}

}  // namespace mabert::kernels
