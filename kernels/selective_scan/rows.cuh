#pragma once

#include "kernels/common/cuda_types.cuh"

namespace mabert::kernels {

/// A column of one operand along a sequence, in the order of the scan: row 0 and the step, in bytes, to the
/// next.
template <class T>
struct Rows {
  const char* base;
  std::int32_t step;

  __device__ Rows(const void* x, std::int64_t origin, std::int64_t direction, std::int64_t stride,
                  std::int64_t column)
      : base(reinterpret_cast<const char*>(static_cast<const T*>(x) + origin * stride + column)),
        step(static_cast<std::int32_t>(direction * stride * static_cast<std::int64_t>(sizeof(T)))) {}
  __device__ char* at(int i) const { return const_cast<char*>(base) + static_cast<std::int64_t>(i) * step; }
};

/// Shared memory (by its address in the shared window) filled while the warp computes. Not present: zeros,
/// and the source is not read.
template <int kBytes>
__device__ inline void copy_async(unsigned to, const void* from, bool present) {
  const int size = present ? kBytes : 0;
  if constexpr (kBytes == 16) {
    asm volatile("cp.async.cg.shared.global [%0], [%1], 16, %2;" ::"r"(to), "l"(from), "r"(size) : "memory");
  } else {
    asm volatile("cp.async.ca.shared.global [%0], [%1], %2, %3;" ::"r"(to), "l"(from), "n"(kBytes), "r"(size)
                 : "memory");
  }
}
__device__ inline void wait_for_copies() { asm volatile("cp.async.wait_all;" ::: "memory"); }

/// Programmatic dependent launch (compute capability 9): a kernel launched by launch_after may start while
/// the one before it still runs; what that one writes may be read behind wait_for_previous_kernel.
__device__ inline void let_next_kernel_start() {
#if __CUDA_ARCH__ >= 900
  asm volatile("griddepcontrol.launch_dependents;");
#endif
}
__device__ inline void wait_for_previous_kernel() {
#if __CUDA_ARCH__ >= 900
  asm volatile("griddepcontrol.wait;" ::: "memory");
#endif
}

/// A store without a branch around it. Nothing reads the result in the same kernel, so that loads may pass
/// it.
template <int kBytes>
__device__ inline void store_if(bool condition, void* to, const unsigned* words) {
  const int wanted = condition;
  if constexpr (kBytes == 4) {
    asm volatile("{ .reg .pred p; setp.ne.s32 p, %2, 0; @p st.global.b32 [%0], %1; }" ::"l"(to),
                 "r"(words[0]), "r"(wanted));
  } else if constexpr (kBytes == 8) {
    asm volatile("{ .reg .pred p; setp.ne.s32 p, %3, 0; @p st.global.v2.b32 [%0], {%1, %2}; }" ::"l"(to),
                 "r"(words[0]), "r"(words[1]), "r"(wanted));
  } else {
    static_assert(kBytes == 16);
    asm volatile(
        "{ .reg .pred p; setp.ne.s32 p, %5, 0; @p st.global.v4.b32 [%0], {%1, %2, %3, %4}; }" ::"l"(to),
        "r"(words[0]), "r"(words[1]), "r"(words[2]), "r"(words[3]), "r"(wanted));
  }
}

/// How a warp copies a tile of kRows rows of kRowBytes bytes: vectors of up to 16 bytes, as even as can be.
template <int kRows, int kRowBytes>
struct TileCopy {
  static constexpr int kTotal = kRows * kRowBytes, kVector = kTotal / 32 < 16 ? kTotal / 32 : 16;
  static constexpr int kCopies = kTotal / (32 * kVector),
                       kVectors = kRowBytes / kVector;  // of the warp; of a row
  static_assert(kVector >= 4 && kRowBytes % kVector == 0 && (32 % kVectors == 0 || kVectors % 32 == 0));

  static __device__ int row(int copy) { return (threadIdx.x % 32 + 32 * copy) / kVectors; }
  static __device__ int byte() { return threadIdx.x % 32 % kVectors * kVector; }
};

/// The first `rows` rows of a tile in shared memory to global memory; `to` is this lane's column.
template <int kRows, int kRowBytes, class T>
__device__ inline void write_tile(const Rows<T>& to, const void* from, int rows, bool present) {
  using Copy = TileCopy<kRows, kRowBytes>;
#pragma unroll
  for (int copy = 0; copy < Copy::kCopies; ++copy) {
    const int t = Copy::row(copy);
    const char* const source = static_cast<const char*>(from) + t * kRowBytes + Copy::byte();
    unsigned words[4];
    if constexpr (Copy::kVector == 16) {
      const uint4 x = *reinterpret_cast<const uint4*>(source);
      words[0] = x.x, words[1] = x.y, words[2] = x.z, words[3] = x.w;
    } else if constexpr (Copy::kVector == 8) {
      const uint2 x = *reinterpret_cast<const uint2*>(source);
      words[0] = x.x, words[1] = x.y;
    } else {
      words[0] = *reinterpret_cast<const unsigned*>(source);
    }
    store_if<Copy::kVector>(t < rows && present, to.at(t), words);
  }
}

/// Four values of shared memory, widened.
template <class T>
__device__ inline float4 load_four(const T* from) {
  if constexpr (sizeof(T) == 2) {
    const uint2 bits = *reinterpret_cast<const uint2*>(from);
    const T* const x = reinterpret_cast<const T*>(&bits);
    return make_float4(widen(x[0]), widen(x[1]), widen(x[2]), widen(x[3]));
  } else {
    return *reinterpret_cast<const float4*>(from);
  }
}

/// Four neighbouring states of a lane to global memory, as S.
template <class S>
__device__ inline void store_state(void* to, std::int64_t index, const float (&x)[4], bool present) {
  if constexpr (sizeof(S) == 4) {
    const unsigned words[4] = {__float_as_uint(x[0]), __float_as_uint(x[1]), __float_as_uint(x[2]),
                               __float_as_uint(x[3])};
    store_if<16>(present, static_cast<float*>(to) + index, words);
  } else {
    const __nv_bfloat162 low = __floats2bfloat162_rn(x[0], x[1]), high = __floats2bfloat162_rn(x[2], x[3]);
    const unsigned words[2] = {*reinterpret_cast<const unsigned*>(&low),
                               *reinterpret_cast<const unsigned*>(&high)};
    store_if<8>(present, static_cast<__nv_bfloat16*>(to) + index, words);
  }
}

}  // namespace mabert::kernels
