#pragma once

#include <ATen/core/Tensor.h>

namespace mabert::ops {

/// out = x weightᵀ + bias; x (M, K), weight (N, K), bias (N) or undefined, one dtype; out (M, N).
/// On the CPU in float32 the three matrix products (forward, gradients of x and of weight) go through oneDNN,
/// which was measured at 2.2× the speed of LibTorch's default (MKL) on an AMD processor with AVX-512 and
/// equals it on others; small ones and every other device and dtype take LibTorch's own path. Deterministic
/// for a fixed number of threads. Errors: UsageError naming the argument. Source: own.
at::Tensor linear(const at::Tensor& x, const at::Tensor& weight, const at::Tensor& bias);

}  // namespace mabert::ops
