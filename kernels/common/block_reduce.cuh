#pragma once

#include <cuda_runtime.h>

namespace mabert::kernels {

struct Add {
  template <class A>
  __device__ A operator()(A x, A y) const {
    return x + y;
  }
};
struct Larger {
  template <class A>
  __device__ A operator()(A x, A y) const {
    return x > y ? x : y;
  }
};

template <class Op, class A>
__device__ inline A warp_reduce(A x) {
  for (int offset = 16; offset > 0; offset /= 2) x = Op()(x, __shfl_xor_sync(0xffffffffu, x, offset));
  return x;
}

/// The value reduced over a block of kThreads threads, in a fixed order, known to all of them.
template <int kThreads, class Op, class A>
__device__ inline A block_reduce(A x) {
  __shared__ A warps[kThreads / 32];
  x = warp_reduce<Op>(x);
  __syncthreads();  // an earlier call's result has been read
  if (threadIdx.x % 32 == 0) warps[threadIdx.x / 32] = x;
  __syncthreads();
  A total = warps[0];
  for (int w = 1; w < kThreads / 32; ++w) total = Op()(total, warps[w]);
  return total;
}

}  // namespace mabert::kernels
