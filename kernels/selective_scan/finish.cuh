#pragma once

#include "kernels/common/cuda_types.cuh"
#include "kernels/common/layout_view.h"
#include "kernels/selective_scan/rows.cuh"

namespace mabert::kernels {

/// Partial sums (count, columns) of groups of four, added up in a fixed order: eight warps take every eighth
/// part, then their sums are added in order.
template <class T>
struct PartialSums {
  const T* parts;
  std::int64_t count, columns;  // columns of four values

  static constexpr int kColumns = 32, kWarps = 8;  // of a block

  /// Of the column of this lane; the same in every warp. Not wanted: 0, and the parts, which nobody may have
  /// written, are not read.
  __device__ float4 sum(std::int64_t column, bool wanted) const {
    __shared__ float4 sums[kWarps][kColumns];
    const int warp = threadIdx.x / 32, lane = threadIdx.x % 32;
    float4 total = make_float4(0, 0, 0, 0);
    if (wanted) {
#pragma unroll 4
      for (std::int64_t part = warp; part < count; part += kWarps) add(total, four(part * columns + column));
    }
    sums[warp][lane] = total;
    __syncthreads();
    total = sums[0][lane];
#pragma unroll
    for (int w = 1; w < kWarps; ++w) add(total, sums[w][lane]);
    return total;
  }

 private:
  static __device__ void add(float4& x, float4 y) { x.x += y.x, x.y += y.y, x.z += y.z, x.w += y.w; }
  __device__ float4 four(std::int64_t index) const {
    if constexpr (sizeof(T) == 2) {
      const uint2 bits = reinterpret_cast<const uint2*>(parts)[index];
      const T* const x = reinterpret_cast<const T*>(&bits);
      return make_float4(widen(x[0]), widen(x[1]), widen(x[2]), widen(x[3]));
    } else {
      return reinterpret_cast<const float4*>(parts)[index];
    }
  }
};

/// Blocks [0, row_blocks) sum dB and dC over tiles of channels, zeros at invalid rows; the others sum dA, dD
/// and the bias's gradient over runs of sequences.
template <class T>
__global__ void __launch_bounds__(256)
    scan_finish_kernel(LayoutView layout, std::int64_t groups, PartialSums<T> rows, std::int64_t row_blocks,
                       PartialSums<float> channels, T* db, T* dc, float4* channel_sums) {
  const int lane = threadIdx.x % 32;
  wait_for_previous_kernel();
  if (blockIdx.x < row_blocks) {
    const std::int64_t column = static_cast<std::int64_t>(blockIdx.x) * rows.kColumns + lane;
    const std::int64_t row_group = column / 8, quad = column % 8;
    const bool exists = column < rows.columns;
    const float4 total = rows.sum(column, exists && is_valid(layout, row_group / groups));
    if (threadIdx.x >= 32 || !exists) return;
    T* const to = (quad < 4 ? db : dc) + row_group * 16 + quad % 4 * 4;
    const float values[4] = {total.x, total.y, total.z, total.w};
    for (int k = 0; k < 4; ++k) to[k] = narrow<T, float>(values[k]);
  } else {
    const std::int64_t column = (blockIdx.x - row_blocks) * channels.kColumns + lane;
    const bool exists = column < channels.columns;
    const float4 total = channels.sum(column, exists);
    if (threadIdx.x < 32 && exists) channel_sums[column] = total;
  }
}

}  // namespace mabert::kernels
