#pragma once

#include "kernels/common/cuda_types.cuh"

#include <cstring>

namespace mabert::kernels {

/// kVector neighbouring channels as they lie in memory, moved by one instruction of at most 16 bytes.
template <class T, int kVector>
struct Pack {
  static constexpr int kWords = kVector * static_cast<int>(sizeof(T)) / 4;
  static_assert(kWords == 1 || kWords == 2 || kWords == 4);
  std::uint32_t words[kWords];

  __device__ static Pack load(const void* from) {
    Pack p;
    if constexpr (kWords == 4) {
      const uint4 v = *static_cast<const uint4*>(from);
      p.words[0] = v.x, p.words[1] = v.y, p.words[2] = v.z, p.words[3] = v.w;
    } else if constexpr (kWords == 2) {
      const uint2 v = *static_cast<const uint2*>(from);
      p.words[0] = v.x, p.words[1] = v.y;
    } else {
      p.words[0] = *static_cast<const std::uint32_t*>(from);
    }
    return p;
  }

  __device__ void store(void* to) const {
    if constexpr (kWords == 4) {
      *static_cast<uint4*>(to) = make_uint4(words[0], words[1], words[2], words[3]);
    } else if constexpr (kWords == 2) {
      *static_cast<uint2*>(to) = make_uint2(words[0], words[1]);
    } else {
      *static_cast<std::uint32_t*>(to) = words[0];
    }
  }

  __device__ static Pack zeros() { return Pack{}; }

  __device__ void widen_to(float (&x)[kVector]) const {
#pragma unroll
    for (int i = 0; i < kWords; ++i) {
      if constexpr (sizeof(T) == 4) {
        x[i] = __uint_as_float(words[i]);
      } else if constexpr (std::is_same_v<T, __nv_bfloat16>) {
        x[2 * i] = __uint_as_float(words[i] << 16);
        x[2 * i + 1] = __uint_as_float(words[i] & 0xffff0000u);
      } else {
        __half2 pair;
        memcpy(&pair, &words[i], 4);
        const float2 wide = __half22float2(pair);
        x[2 * i] = wide.x, x[2 * i + 1] = wide.y;
      }
    }
  }

  __device__ static Pack narrow_from(const float (&x)[kVector]) {
    Pack p;
#pragma unroll
    for (int i = 0; i < kWords; ++i) {
      if constexpr (sizeof(T) == 4) {
        p.words[i] = __float_as_uint(x[i]);
      } else if constexpr (std::is_same_v<T, __nv_bfloat16>) {
        const __nv_bfloat162 pair = __floats2bfloat162_rn(x[2 * i], x[2 * i + 1]);
        memcpy(&p.words[i], &pair, 4);
      } else {
        const __half2 pair = __floats2half2_rn(x[2 * i], x[2 * i + 1]);
        memcpy(&p.words[i], &pair, 4);
      }
    }
    return p;
  }
};

/// One channel: any alignment, any type.
template <class T>
struct Pack<T, 1> {
  using A = typename Accumulate<T>::type;
  T value;

  __device__ static Pack load(const void* from) { return {*static_cast<const T*>(from)}; }
  __device__ void store(void* to) const { *static_cast<T*>(to) = value; }
  __device__ static Pack zeros() { return {narrow<T, A>(A(0))}; }
  __device__ void widen_to(A (&x)[1]) const { x[0] = widen(value); }
  __device__ static Pack narrow_from(const A (&x)[1]) { return {narrow<T, A>(x[0])}; }
};

}  // namespace mabert::kernels
