#include "kernels/causal_conv1d/cuda.h"
#include "kernels/common/cuda_types.cuh"

namespace mabert::kernels {
namespace {

constexpr int kThreads = 256;

__device__ bool is_reversed(const ConvParams& p, std::int64_t e) {
  return (p.reverse >> (e / (p.channels / p.groups))) & 1;
}

template <class T>
__device__ auto convolve(const ConvParams& p, std::int64_t row, std::int64_t e) {
  using A = typename Accumulate<T>::type;
  A sum = p.bias != nullptr ? load<A>(p.bias, e) : A(0);
  for (std::int64_t w = 0; w < p.width; ++w) {
    const std::int64_t source =
        tap_row(p.layout, row, p.layout.sequence[row], p.width - 1 - w, is_reversed(p, e));
    if (source >= 0) sum += load<A>(p.weight, w * p.channels + e) * load<T>(p.x, source * p.x_stride + e);
  }
  return sum;
}

template <class T>
__global__ void conv_forward_kernel(ConvParams p) {
  using A = typename Accumulate<T>::type;
  const std::int64_t i = static_cast<std::int64_t>(blockIdx.x) * kThreads + threadIdx.x;
  if (i >= p.layout.rows * p.channels) return;
  const std::int64_t row = i / p.channels, e = i % p.channels;
  A out = 0;
  if (is_valid(p.layout, row)) {
    const A sum = convolve<T>(p, row, e);
    out = sum * sigmoid(sum);
  }
  store<T>(p.out, i, out);
}

// Gradient before the SiLU.
template <class T>
__global__ void conv_slope_kernel(ConvParams p, ConvGradients g) {
  using A = typename Accumulate<T>::type;
  const std::int64_t i = static_cast<std::int64_t>(blockIdx.x) * kThreads + threadIdx.x;
  if (i >= p.layout.rows * p.channels) return;
  const std::int64_t row = i / p.channels, e = i % p.channels;
  A dpre = 0;
  if (is_valid(p.layout, row)) {
    const A sum = convolve<T>(p, row, e), s = sigmoid(sum);
    dpre = load<T>(g.grad_out, row * g.grad_out_stride + e) * s * (A(1) + sum * (A(1) - s));
  }
  store<A>(g.dpre, i, dpre);
}

// A row's gradient gathers dpre from the rows that read it: the taps, mirrored.
template <class T>
__global__ void conv_input_kernel(ConvParams p, ConvGradients g) {
  using A = typename Accumulate<T>::type;
  const std::int64_t i = static_cast<std::int64_t>(blockIdx.x) * kThreads + threadIdx.x;
  if (i >= p.layout.rows * p.channels) return;
  const std::int64_t row = i / p.channels, e = i % p.channels;
  A dx = 0;
  if (is_valid(p.layout, row)) {
    for (std::int64_t w = 0; w < p.width; ++w) {
      const std::int64_t reader =
          tap_row(p.layout, row, p.layout.sequence[row], p.width - 1 - w, !is_reversed(p, e));
      if (reader >= 0) dx += load<A>(p.weight, w * p.channels + e) * load<A>(g.dpre, reader * p.channels + e);
    }
  }
  store<T>(g.dx, i, dx);
}

template <class T>
__global__ void conv_weight_kernel(ConvParams p, ConvGradients g) {
  using A = typename Accumulate<T>::type;
  const std::int64_t e = static_cast<std::int64_t>(blockIdx.y) * kThreads + threadIdx.x, part = blockIdx.x;
  if (e >= p.channels) return;
  A sums[kMaxConvWidth + 1] = {};
  const std::int64_t first = part * kConvPartRowsCuda, last = min(first + kConvPartRowsCuda, p.layout.rows);
  for (std::int64_t row = first; row < last; ++row) {
    if (!is_valid(p.layout, row)) continue;
    const A dpre = load<A>(g.dpre, row * p.channels + e);
    for (int w = 0; w < p.width; ++w) {
      const std::int64_t source =
          tap_row(p.layout, row, p.layout.sequence[row], p.width - 1 - w, is_reversed(p, e));
      if (source >= 0) sums[w] += dpre * load<T>(p.x, source * p.x_stride + e);
    }
    sums[p.width] += dpre;
  }
  for (int w = 0; w <= p.width; ++w)
    store<A>(g.dweight, (part * (p.width + 1) + w) * p.channels + e, sums[w]);
}

}  // namespace

cudaError_t conv_forward_cuda(const ConvParams& params, DType dtype, cudaStream_t stream) {
  const std::int64_t elements = params.layout.rows * params.channels;
  if (elements == 0) return cudaSuccess;
  with_type(dtype, [&](auto type) {
    conv_forward_kernel<decltype(type)><<<blocks_for(elements, kThreads), kThreads, 0, stream>>>(params);
  });
  return cudaGetLastError();
}

cudaError_t conv_backward_cuda(const ConvParams& params, const ConvGradients& gradients, DType dtype,
                               cudaStream_t stream) {
  const std::int64_t elements = params.layout.rows * params.channels;
  if (elements == 0) return cudaSuccess;
  const unsigned blocks = blocks_for(elements, kThreads);
  const dim3 parts(blocks_for(params.layout.rows, kConvPartRowsCuda), blocks_for(params.channels, kThreads));
  cudaError_t error = cudaSuccess;
  with_type(dtype, [&](auto type) {
    using T = decltype(type);
    conv_slope_kernel<T><<<blocks, kThreads, 0, stream>>>(params, gradients);
    if ((error = cudaGetLastError()) != cudaSuccess) return;
    conv_input_kernel<T><<<blocks, kThreads, 0, stream>>>(params, gradients);
    if ((error = cudaGetLastError()) != cudaSuccess) return;
    conv_weight_kernel<T><<<parts, kThreads, 0, stream>>>(params, gradients);
    error = cudaGetLastError();
  });
  return error;
}

}  // namespace mabert::kernels
