#pragma once

#include "kernels/causal_conv1d/cuda.h"
#include "kernels/common/cuda_types.cuh"

namespace mabert::kernels {

/// Positions number the rows of a block in the order of its group's time: 0 is the earliest row that the
/// block owns; negative ones and those past `count` belong to neighbours.
struct ConvWalk {
  unsigned row_block, group;
  std::int64_t block_channel;  // the block's first channel, counted in its group
  std::int64_t first;          // row of position 0
  int step;                    // +1, or -1 in a mirrored group
  int count;                   // rows of the block
  int begin, end;              // positions that this warp owns
  int lowest, limit;           // the batch has rows at the positions [lowest, limit), cut at 2^30

  __device__ ConvWalk(const ConvCall& call, const ConvPlan& plan) {
    const int warp = static_cast<int>(threadIdx.x / 32), block_rows = plan.rows_per_warp * kConvWarps;
    // Channels first: blocks that run together read whole rows.
    const unsigned blocks = static_cast<unsigned>(plan.group_blocks),
                   columns = blocks * static_cast<unsigned>(call.groups);
    const unsigned column = blockIdx.x % columns;
    row_block = blockIdx.x / columns;
    group = column / blocks;
    block_channel = static_cast<std::int64_t>(column % blocks) * 32 * plan.vector;
    const std::int64_t top = static_cast<std::int64_t>(row_block) * block_rows;
    const bool reverse = (call.reverse >> group) & 1;
    count = static_cast<int>(min(static_cast<std::int64_t>(block_rows), call.layout.rows - top));
    first = reverse ? top + count - 1 : top;
    step = reverse ? -1 : 1;
    const std::int64_t far = 1 << 30, above = min(first, far), below = min(call.layout.rows - 1 - first, far);
    lowest = -static_cast<int>(reverse ? below : above);
    limit = static_cast<int>(reverse ? above : below) + 1;
    begin = plan.rows_per_warp * warp;
    end = min(begin + plan.rows_per_warp, count);
  }

  __device__ std::int64_t row(int position) const {
    return first + static_cast<std::int64_t>(step) * position;
  }
};

/// How many taps of a row lie in the span of its sequence: 1 to width, and 0 at an invalid row. It is all
/// that the kernels need to know of the layout: invalid rows inside the span enter the sums as zeros.
__device__ inline int count_taps(const LayoutView& layout, std::int32_t row, int step, int width) {
  const std::int32_t s = __ldg(layout.sequence + row);
  const bool valid =
      layout.valid == nullptr || __ldg(reinterpret_cast<const unsigned char*>(layout.valid) + row) != 0;
  const std::int32_t begin = __ldg(layout.begin + s), end = __ldg(layout.end + s);
  return valid && row >= begin && row < end ? min((step > 0 ? row - begin : end - 1 - row) + 1, width) : 0;
}

/// Tap counts of kTaps successive positions, a byte each.
template <int kTaps>
struct TapCounts {
  std::uint32_t words[kTaps / 4];

  /// Those from `start` on, a multiple of kTaps; 0 at positions from `limit` on.
  __device__ static TapCounts read(const std::uint8_t* counts, int start, int limit) {
    TapCounts t;
#pragma unroll
    for (int i = 0; i < kTaps / 4; ++i) {
      const int left = limit - start - 4 * i;
      t.words[i] = left <= 0 ? 0 : *reinterpret_cast<const std::uint32_t*>(counts + start + 4 * i);
      if (left > 0 && left < 4) t.words[i] &= (1u << (8 * left)) - 1;
    }
    return t;
  }

  __device__ int operator[](int i) const { return static_cast<int>(words[i / 4] >> (8 * (i % 4)) & 0xff); }
  __device__ bool all_equal(std::uint32_t count) const {
    bool equal = true;
#pragma unroll
    for (int i = 0; i < kTaps / 4; ++i) equal = equal && words[i] == count * 0x01010101u;
    return equal;
  }
};

/// Room for the counts of a block's rows and of kTaps more on either side.
inline std::size_t tap_counts_bytes(const ConvPlan& plan) {
  return static_cast<std::size_t>(kConvWarps) * plan.rows_per_warp + 2 * plan.taps;
}

/// Counts the taps of positions [-kTaps, rows of a full block + kTaps); returns the address of position 0's.
/// kTogether rows of a thread wait for memory together.
template <int kTaps, int kTogether>
__device__ inline const std::uint8_t* fill_tap_counts(const ConvCall& call, const ConvPlan& plan,
                                                      const ConvWalk& walk, std::uint8_t* counts) {
  constexpr int kThreads = 32 * kConvWarps;
  const int total = kConvWarps * plan.rows_per_warp + 2 * kTaps;
#pragma unroll 1
  for (int base = static_cast<int>(threadIdx.x); base < total; base += kTogether * kThreads) {
    int count[kTogether];
#pragma unroll
    for (int i = 0; i < kTogether; ++i) {  // no branch: the loads of several rows overlap
      const int position = base + i * kThreads - kTaps,
                near = max(walk.lowest, min(position, walk.limit - 1));
      count[i] = count_taps(call.layout, static_cast<std::int32_t>(walk.row(near)), walk.step, call.width);
      if (position != near) count[i] = 0;
    }
#pragma unroll
    for (int i = 0; i < kTogether; ++i) {
      if (base + i * kThreads < total) counts[base + i * kThreads] = static_cast<std::uint8_t>(count[i]);
    }
  }
  return counts + kTaps;
}

}  // namespace mabert::kernels
