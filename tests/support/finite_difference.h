#pragma once

#include <cstdint>

#include <ATen/core/Tensor.h>
#include <ATen/ops/empty.h>

namespace mabert::testing {

/// Central differences of value() by every element of a contiguous float64 CPU tensor, which is changed in
/// place.
template <class Value>
at::Tensor finite_difference(const at::Tensor& x, const Value& value, double step = 1e-6) {
  const at::Tensor slope = at::empty(x.sizes(), x.options());
  double *const cell = x.mutable_data_ptr<double>(), *const to = slope.mutable_data_ptr<double>();
  for (std::int64_t i = 0; i < x.numel(); ++i) {
    const double kept = cell[i];
    cell[i] = kept + step;
    const double above = value();
    cell[i] = kept - step;
    const double below = value();
    cell[i] = kept;
    to[i] = (above - below) / (2 * step);
  }
  return slope;
}

}  // namespace mabert::testing
