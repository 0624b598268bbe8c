#pragma once

#include "kernels/selective_scan/params.h"
#include "kernels/selective_scan/warp_tile.cuh"

namespace mabert::kernels {

/// Sequences cut in time so that small batches fill the device: a first pass gives what each chunk makes of a
/// zero state (or, backward, of a zero gradient), then all chunks run at once.
struct ScanChunks {
  int count;      // of each sequence; 1: not cut
  int rows;       // of a chunk, a multiple of the rows between saved states
  float* states;  // (sequences, count, channels, 16)
  float* sums;    // (sequences, count, channels): Σ Δ
};

/// What a warp of the grid (tiles of channels, sequences, chunks) works on. Rows count from the sequence's
/// first in the order of the scan.
struct ScanTask {
  std::int64_t sequence, direction, origin;
  int group, tile, first_channel, last_channel, chunk, begin, end;
  bool is_last;  // of the sequence's chunks that have rows

  __device__ ScanTask(const ScanParams& p, const ScanChunks& chunks, int tile_width) {
    const int width = static_cast<int>(p.channels / p.groups), tiles = (width + tile_width - 1) / tile_width;
    group = blockIdx.x / tiles, tile = blockIdx.x % tiles;
    first_channel = group * width + tile * tile_width, last_channel = (group + 1) * width - 1;
    chunk = blockIdx.z % chunks.count;
    const std::int64_t turn = blockIdx.z / chunks.count * static_cast<std::int64_t>(gridDim.y) + blockIdx.y;
    sequence = p.layout.sequences;
    if (turn < sequence) sequence = sequence == 1 ? 0 : p.layout.order[turn];
    if (sequence < p.layout.sequences) locate(p, chunks);
  }

  __device__ void locate(const ScanParams& p, const ScanChunks& chunks) {
    const int first = p.layout.begin[sequence], last = p.layout.end[sequence], count = max(last - first, 0);
    const bool reversed = (p.reverse >> group) & 1;
    direction = reversed ? -1 : 1, origin = reversed ? last - 1 : first;
    begin = chunk * chunks.rows, end = chunks.count == 1 ? count : min(begin + chunks.rows, count);
    is_last = end == count;
  }
};

/// Rows of a sequence outside its valid span, and of slack: zeros.
template <class T, int kChannels>
__device__ void clear_outside(const WarpTile<kChannels>& lane, const LayoutView& layout, std::int64_t s,
                              void* out, std::int64_t channels, std::int64_t e, bool inside) {
  if (!inside) return;
  const auto clear = [&](std::int64_t from, std::int64_t to) {
#pragma unroll 1
    for (std::int64_t row = from + lane.own_token(); row < to; row += lane.kTokens) {
      store<T>(out, row * channels + e, 0.0f);
    }
  };
  clear(layout.offsets[s], layout.begin[s]);
  clear(layout.end[s], layout.offsets[s + 1]);
}

/// The lanes that share a channel hold different tokens.
template <int kChannels>
__device__ inline float sum_over_tokens(const WarpTile<kChannels>& lane, float x) {
#pragma unroll
  for (int mask = kChannels; mask < 4; mask *= 2) x += lane.exchange(x, mask);
  return x;
}

}  // namespace mabert::kernels
