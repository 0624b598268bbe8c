#pragma once

#include "kernels/common/dtype.h"

#include <cstdint>
#include <cuda_bf16.h>
#include <cuda_fp16.h>
#include <cuda_runtime.h>

namespace mabert::kernels {

/// Type of states and sums for inputs of type T.
template <class T>
struct Accumulate {
  using type = float;
};
template <>
struct Accumulate<double> {
  using type = double;
};

__device__ inline float widen(float x) { return x; }
__device__ inline double widen(double x) { return x; }
__device__ inline float widen(__nv_bfloat16 x) { return __bfloat162float(x); }
__device__ inline float widen(__half x) { return __half2float(x); }

template <class T, class A>
__device__ inline T narrow(A x) {
  return static_cast<T>(x);
}
template <>
__device__ inline __nv_bfloat16 narrow<__nv_bfloat16, float>(float x) {
  return __float2bfloat16_rn(x);
}
template <>
__device__ inline __half narrow<__half, float>(float x) {
  return __float2half_rn(x);
}

template <class T>
__device__ inline auto load(const void* x, std::int64_t index) {
  return widen(static_cast<const T*>(x)[index]);
}
template <class T, class A>
__device__ inline void store(void* x, std::int64_t index, A value) {
  static_cast<T*>(x)[index] = narrow<T, A>(value);
}

template <class A>
__device__ inline A sigmoid(A x) {
  return A(1) / (A(1) + exp(-x));
}
template <class A>
__device__ inline A softplus(A x) {
  return (x > A(0) ? x : A(0)) + log1p(exp(-(x < A(0) ? -x : x)));
}

/// Calls body with a value of the element type that `dtype` names, where body may be called.
#pragma nv_exec_check_disable
template <class Body>
__host__ __device__ inline void with_type(DType dtype, const Body& body) {
  switch (dtype) {
    case DType::f32:
      return body(float{});
    case DType::f64:
      return body(double{});
    case DType::bf16:
      return body(__nv_bfloat16{});
    case DType::f16:
      return body(__half{});
  }
}

inline unsigned blocks_for(std::int64_t count, std::int64_t size) {
  return static_cast<unsigned>((count + size - 1) / size);
}

}  // namespace mabert::kernels
