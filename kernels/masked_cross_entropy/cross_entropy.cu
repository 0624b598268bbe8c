#include "kernels/common/block_reduce.cuh"
#include "kernels/common/cuda_types.cuh"
#include "kernels/masked_cross_entropy/cuda.h"

namespace mabert::kernels {
namespace {

constexpr int kThreads = 256;

// One block per row.
template <class T>
__global__ void cross_entropy_forward_kernel(CrossEntropyParams p) {
  using A = typename Accumulate<T>::type;
  const std::int64_t row = blockIdx.x, label = p.labels[row], base = row * p.stride;
  A* const log_sum_exp = static_cast<A*>(p.log_sum_exp);
  A* const loss = static_cast<A*>(p.row_loss);
  if (label < 0 || label >= p.vocabulary) {
    if (threadIdx.x == 0) {
      log_sum_exp[row] = 0;
      loss[row] = label < 0 ? A(0) : A(NAN);
      p.row_hit[row] = 0;
    }
    return;
  }
  const A target = load<T>(p.logits, base + label);
  A largest = -INFINITY;
  int beaten = 0;  // the label is a hit if no logit is larger, nor an earlier one equal
  for (std::int64_t e = threadIdx.x; e < p.vocabulary; e += kThreads) {
    const A x = load<T>(p.logits, base + e);
    largest = Larger()(x, largest);
    beaten += x > target || (e < label && x == target);
  }
  largest = block_reduce<kThreads, Larger>(largest);
  A sum = 0;
  for (std::int64_t e = threadIdx.x; e < p.vocabulary; e += kThreads)
    sum += exp(load<T>(p.logits, base + e) - largest);
  sum = block_reduce<kThreads, Add>(sum);
  beaten = block_reduce<kThreads, Add>(beaten);
  if (threadIdx.x == 0) {
    log_sum_exp[row] = largest + log(sum);
    loss[row] = log_sum_exp[row] - target;
    p.row_hit[row] = beaten == 0;
  }
}

template <class A>
__global__ void cross_entropy_total_kernel(CrossEntropyParams p) {
  double loss = 0;
  long long hits = 0;
  for (std::int64_t row = threadIdx.x; row < p.rows; row += kThreads) {
    loss += static_cast<double>(static_cast<const A*>(p.row_loss)[row]);
    hits += p.row_hit[row];
  }
  loss = block_reduce<kThreads, Add>(loss);
  hits = block_reduce<kThreads, Add>(hits);
  if (threadIdx.x == 0) {
    *static_cast<A*>(p.loss_sum) = static_cast<A>(loss);
    *p.correct = hits;
  }
}

template <class T>
__global__ void cross_entropy_backward_kernel(CrossEntropyParams p, const void* grad_loss, void* dlogits) {
  using A = typename Accumulate<T>::type;
  const std::int64_t row = blockIdx.x, label = p.labels[row];
  const std::int64_t used = label < 0 ? 0 : p.vocabulary;
  const A scale = load<A>(grad_loss, 0), shift = static_cast<const A*>(p.log_sum_exp)[row];
  for (std::int64_t e = threadIdx.x; e < p.columns; e += kThreads) {
    A grad = 0;
    if (e < used)
      grad = scale * (exp(load<T>(p.logits, row * p.stride + e) - shift) - (e == label ? A(1) : A(0)));
    store<T>(dlogits, row * p.columns + e, grad);
  }
}

}  // namespace

cudaError_t cross_entropy_forward_cuda(const CrossEntropyParams& params, DType dtype, cudaStream_t stream) {
  cudaError_t error = cudaSuccess;
  with_type(dtype, [&](auto type) {
    using T = decltype(type);
    if (params.rows > 0) {
      cross_entropy_forward_kernel<T><<<static_cast<unsigned>(params.rows), kThreads, 0, stream>>>(params);
      if ((error = cudaGetLastError()) != cudaSuccess) return;
    }
    cross_entropy_total_kernel<typename Accumulate<T>::type><<<1, kThreads, 0, stream>>>(params);
    error = cudaGetLastError();
  });
  return error;
}

cudaError_t cross_entropy_backward_cuda(const CrossEntropyParams& params, const void* grad_loss,
                                        void* dlogits, DType dtype, cudaStream_t stream) {
  if (params.rows == 0) return cudaSuccess;
  with_type(dtype, [&](auto type) {
    cross_entropy_backward_kernel<decltype(type)>
        <<<static_cast<unsigned>(params.rows), kThreads, 0, stream>>>(params, grad_loss, dlogits);
  });
  return cudaGetLastError();
}

}  // namespace mabert::kernels
