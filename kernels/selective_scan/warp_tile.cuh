#pragma once

#include "kernels/common/cuda_types.cuh"

namespace mabert::kernels {

/// How one warp covers 16 states of 8·kChannels neighbouring channels. In the recurrence the four lanes of a
/// quad share kChannels channels, each lane with four states of every one. Elementwise work is laid out
/// otherwise: a pass handles 4 / kChannels tokens and gives each lane one (token, channel), its own element.
/// Sums over the states then end where they are used, without a trip through shared memory.
template <int kChannels>
struct WarpTile {
  static constexpr int kWidth = 8 * kChannels;   // channels of a warp
  static constexpr int kTokens = 4 / kChannels;  // tokens of a pass
  /// Channels between rows of float2 in shared memory, such that a pass writes without bank conflicts.
  static constexpr int kPitch = kChannels == 4 ? kWidth : kWidth + 4 * kChannels;

  int group = threadIdx.x / 4 % 8, quad = threadIdx.x % 4;

  __device__ int own_channel() const { return kChannels * group + quad % kChannels; }
  __device__ int own_token() const { return quad / kChannels; }
  /// Channel of slot j in this lane's registers: an order in which the exchange below sends and keeps fixed
  /// registers.
  __device__ int channel(int j) const { return kChannels * group + (j ^ (quad % kChannels)); }

  /// Sums over the quad of partial sums (tokens of a pass, channel slots): the own element's sum.
  __device__ float own_sum(const float (&x)[kTokens][kChannels]) const {
    if constexpr (kChannels == 4) {
      const float even = x[0][0] + exchange(x[0][2], 2), odd = x[0][1] + exchange(x[0][3], 2);
      return even + exchange(odd, 1);
    } else {
      static_assert(kChannels == 2);
      const float first = x[0][0] + exchange(x[0][1], 1), second = x[1][0] + exchange(x[1][1], 1);
      const bool upper = quad & 2;
      return (upper ? second : first) + exchange(upper ? first : second, 2);
    }
  }

  /// Sums over the warp's channels of eight partial sums a lane, four of B's gradient and four of C's, whose
  /// slot k is state 4·quad + (k ^ group % 4). Lane (group, quad) gets B's or, in the upper half, C's state
  /// 4·quad + group % 4.
  __device__ float channel_sum(const float (&b)[4], const float (&c)[4]) const {
    const float b0 = b[0] + exchange(b[2], 8), b1 = b[1] + exchange(b[3], 8), b_sum = b0 + exchange(b1, 4);
    const float c0 = c[0] + exchange(c[2], 8), c1 = c[1] + exchange(c[3], 8), c_sum = c0 + exchange(c1, 4);
    const bool upper = group & 4;
    return (upper ? c_sum : b_sum) + exchange(upper ? b_sum : c_sum, 16);
  }

  static __device__ float exchange(float x, int mask) { return __shfl_xor_sync(0xffffffffu, x, mask); }
};

__device__ inline float exp2_approx(float x) {
  float y;
  asm("ex2.approx.ftz.f32 %0, %1;" : "=f"(y) : "f"(x));
  return y;
}
__device__ inline float log2_approx(float x) {
  float y;
  asm("lg2.approx.ftz.f32 %0, %1;" : "=f"(y) : "f"(x));
  return y;
}
__device__ inline float reciprocal_approx(float x) {
  float y;
  asm("rcp.approx.ftz.f32 %0, %1;" : "=f"(y) : "f"(x));
  return y;
}

inline constexpr float kLog2E = 1.44269504f, kLn2 = 0.69314718f;

/// log(1 + e^x) from x · log2(e); kFine: small relative error for very negative x, too.
template <bool kFine>
__device__ inline float softplus_from_log2(float x2) {
  if constexpr (kFine) {
    const float x = x2 * kLn2;
    return softplus(x);
  } else {
    return kLn2 * (fmaxf(x2, 0.0f) + log2_approx(1.0f + exp2_approx(-fabsf(x2))));
  }
}

template <bool kFine>
__device__ inline float sigmoid_of(float x) {
  if constexpr (kFine) return sigmoid(x);
  return reciprocal_approx(1.0f + exp2_approx(-kLog2E * x));
}

}  // namespace mabert::kernels
