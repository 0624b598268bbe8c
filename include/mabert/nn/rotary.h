#pragma once

#include <ATen/core/Tensor.h>

namespace mabert::nn {

/// Turns channel pairs (i, i + K/2) of each row by the angle position · base^(-2i/K), so that the product of
/// two turned rows depends on the difference of their positions only. x (T, H, K), K even; positions (T)
/// int32; out in x's dtype, angles fp32 (fp64 for fp64). Source: Su et al. 2021, "RoFormer", equation 34
/// (halves instead of neighbours).
at::Tensor apply_rotary(const at::Tensor& x, const at::Tensor& positions, double base);

}  // namespace mabert::nn
