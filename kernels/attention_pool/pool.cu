#include "kernels/attention_pool/cuda.h"
#include "kernels/common/block_reduce.cuh"
#include "kernels/common/cuda_types.cuh"

namespace mabert::kernels {
namespace {

constexpr int kThreads = 256;

template <class T>
__global__ void pool_forward_kernel(PoolParams p) {
  using A = typename Accumulate<T>::type;
  const std::int64_t s = blockIdx.x, first = p.layout.offsets[s], last = p.layout.offsets[s + 1];
  A* const probabilities = static_cast<A*>(p.probabilities);
  A largest = -INFINITY;
  for (std::int64_t row = first + threadIdx.x; row < last; row += kThreads) {
    if (is_valid(p.layout, row)) largest = Larger()(load<A>(p.scores, row), largest);
  }
  largest = block_reduce<kThreads, Larger>(largest);
  A sum = 0;
  for (std::int64_t row = first + threadIdx.x; row < last; row += kThreads) {
    probabilities[row] = is_valid(p.layout, row) ? exp(load<A>(p.scores, row) - largest) : A(0);
    sum += probabilities[row];
  }
  sum = block_reduce<kThreads, Add>(sum);
  for (std::int64_t row = first + threadIdx.x; row < last; row += kThreads) {
    if (is_valid(p.layout, row)) probabilities[row] /= sum;
  }
  __syncthreads();  // the others' probabilities
  for (std::int64_t e = threadIdx.x; e < p.width; e += kThreads) {
    A total = 0;
    for (std::int64_t row = first; row < last; ++row) {
      if (is_valid(p.layout, row)) total += probabilities[row] * load<T>(p.x, row * p.x_stride + e);
    }
    store<T>(p.out, s * p.width + e, total);
  }
}

template <class T>
__global__ void pool_backward_kernel(PoolParams p, PoolGradients g) {
  using A = typename Accumulate<T>::type;
  const std::int64_t s = blockIdx.x, first = p.layout.offsets[s], last = p.layout.offsets[s + 1];
  const int lane = threadIdx.x % 32;
  A* const dscores = static_cast<A*>(g.dscores);
  // Σ p dot = grad · out, summed from the probabilities so that out's rounding does not enter.
  A along = 0;
  for (std::int64_t row = first + threadIdx.x / 32; row < last; row += kThreads / 32) {
    if (!is_valid(p.layout, row)) {
      for (std::int64_t e = lane; e < p.width; e += 32) store<T>(g.dx, row * p.width + e, A(0));
      if (lane == 0) dscores[row] = 0;
      continue;
    }
    const A probability = static_cast<const A*>(p.probabilities)[row];
    A dot = 0;
    for (std::int64_t e = lane; e < p.width; e += 32) {
      const A grad = load<T>(g.grad_out, s * p.width + e);
      dot += grad * load<T>(p.x, row * p.x_stride + e);
      store<T>(g.dx, row * p.width + e, probability * grad);
    }
    dot = warp_reduce<Add>(dot);
    if (lane == 0) {
      dscores[row] = dot;
      along += probability * dot;
    }
  }
  along = block_reduce<kThreads, Add>(along);
  for (std::int64_t row = first + threadIdx.x; row < last; row += kThreads) {
    if (is_valid(p.layout, row))
      dscores[row] = static_cast<const A*>(p.probabilities)[row] * (dscores[row] - along);
  }
}

}  // namespace

cudaError_t pool_forward_cuda(const PoolParams& params, DType dtype, cudaStream_t stream) {
  if (params.layout.sequences == 0) return cudaSuccess;
  with_type(dtype, [&](auto type) {
    pool_forward_kernel<decltype(type)>
        <<<static_cast<unsigned>(params.layout.sequences), kThreads, 0, stream>>>(params);
  });
  return cudaGetLastError();
}

cudaError_t pool_backward_cuda(const PoolParams& params, const PoolGradients& gradients, DType dtype,
                               cudaStream_t stream) {
  if (params.layout.sequences == 0) return cudaSuccess;
  with_type(dtype, [&](auto type) {
    pool_backward_kernel<decltype(type)>
        <<<static_cast<unsigned>(params.layout.sequences), kThreads, 0, stream>>>(params, gradients);
  });
  return cudaGetLastError();
}

}  // namespace mabert::kernels
