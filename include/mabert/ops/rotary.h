#pragma once

#include <tuple>

#include <ATen/core/Tensor.h>

namespace mabert::ops {

/// Turns channel pairs (i, i + K/2) of each row's queries and keys by the angle position · base^(-2i/K), so
/// that the product of a query and a key depends on the difference of their positions only. qkv (T, 3, H, K):
/// queries, keys, values of one product, K even; positions (T) int32. Returns queries and keys (T, H, K) in
/// qkv's dtype and values as they are, a view. Angles are reduced exactly, at any position; sines and
/// products fp32 (fp64 for fp64). Errors: UsageError naming the argument. Source: Su et al. 2021, "RoFormer",
/// equation 34 (halves instead of neighbours).
std::tuple<at::Tensor, at::Tensor, at::Tensor> rotary(const at::Tensor& qkv, const at::Tensor& positions,
                                                      double base);

}  // namespace mabert::ops
