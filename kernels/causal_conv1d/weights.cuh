#pragma once

#include "kernels/causal_conv1d/walk.cuh"

namespace mabert::kernels {

/// The filter of a thread's channels: tap k multiplies the row k steps back, and is 0 from the width on.
template <int kVector, int kTaps, class A>
struct ConvFilter {
  static constexpr int kChannels = 32 * kVector, kTile = (kTaps + 1) * kChannels;
  A tap[kTaps][kVector], bias[kVector];

  /// One channel's filter, on its way to the tile.
  struct Column {
    A values[kTaps + 1];
  };

  /// Reads the filter of the block's channel threadIdx.x.
  __device__ static Column load_column(const ConvCall& call, const ConvPlan& plan, const ConvWalk& walk) {
    static_assert(kChannels <= 32 * kConvWarps);
    Column column{};
    const std::int64_t in_group = walk.block_channel + threadIdx.x;
    if (static_cast<int>(threadIdx.x) >= kChannels || in_group >= plan.group_channels) return column;
    const std::int64_t channel = walk.group * plan.group_channels + in_group;
    // One switch around all loads, so that they overlap.
    with_type(call.weight_dtype, [&](auto type) {
      const auto* const from = static_cast<const decltype(type)*>(call.weight) + channel * call.width;
#pragma unroll
      for (int k = 0; k < kTaps; ++k) {
        if (k < call.width) column.values[k] = static_cast<A>(widen(from[call.width - 1 - k]));
      }
    });
    if (call.bias != nullptr) {
      with_type(call.bias_dtype, [&](auto type) {
        column.values[kTaps] = static_cast<A>(widen(static_cast<const decltype(type)*>(call.bias)[channel]));
      });
    }
    return column;
  }

  /// Into the tile (kTaps + 1, kChannels) in shared memory: read in memory's order, transposed for all warps.
  __device__ static void store_column(const Column& column, A* tile) {
    if (static_cast<int>(threadIdx.x) >= kChannels) return;
#pragma unroll
    for (int k = 0; k <= kTaps; ++k) tile[k * kChannels + threadIdx.x] = column.values[k];
  }

  __device__ explicit ConvFilter(const A* tile) {
    const int lane = static_cast<int>(threadIdx.x % 32);
#pragma unroll
    for (int v = 0; v < kVector; ++v) {
#pragma unroll
      for (int k = 0; k < kTaps; ++k) tap[k][v] = tile[k * kChannels + lane * kVector + v];
      bias[v] = tile[kTaps * kChannels + lane * kVector + v];
    }
  }
};

/// exp2 and the reciprocal as the hardware has them, each within 2 units in the last place. Results below
/// 2^-126 become 0 and need no care: without .ftz the two would cost three more instructions each.
__device__ inline float silu_sigmoid(float x) {
  float power, sigmoid;
  asm("ex2.approx.ftz.f32 %0, %1;" : "=f"(power) : "f"(x * -1.44269504f));
  asm("rcp.approx.ftz.f32 %0, %1;" : "=f"(sigmoid) : "f"(1.0f + power));
  return sigmoid;
}
__device__ inline double silu_sigmoid(double x) { return sigmoid(x); }

}  // namespace mabert::kernels
