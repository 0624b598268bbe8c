#pragma once

#include <ATen/core/Tensor.h>

namespace mabert {

/// out[i] = x[i] where keep[i], else 0; selected, never multiplied: 0·NaN is NaN. x (T, …) of any dtype, keep
/// (T) bool on its device; out (T, …). Differentiable; the gradient is selected the same way. Rows are copied
/// in words of 8 bytes where they consist of such. Source: own.
at::Tensor select_rows(const at::Tensor& x, const at::Tensor& keep);

}  // namespace mabert
