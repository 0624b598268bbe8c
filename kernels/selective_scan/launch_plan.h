#pragma once

#include "kernels/common/dtype.h"

#include <algorithm>
#include <cstdint>

namespace mabert::kernels {

/// What decides how a selective scan is launched: shapes and the device, never the content of a batch, so
/// that a captured launch serves every batch of its capacity.
struct ScanShape {
  std::int64_t sequences;   ///< S, slack and empty ones included
  std::int64_t max_length;  ///< upper bound of the rows of a sequence
  std::int64_t rows, channels, groups, state_size;
  DType dtype;
  int multiprocessors;
};

/// Whether the kernels that give a warp 16 states of a tile of channels (warp_tile.cuh) can be used;
/// everything else takes the general kernels. Their 16-byte vectors ask for whole ones in each group of
/// channels.
inline bool fits_warp_kernels(const ScanShape& shape) {
  const std::int64_t vector = shape.dtype == DType::f32 ? 4 : 8;
  const bool has_type = shape.dtype == DType::f32 || shape.dtype == DType::bf16;
  return has_type && shape.state_size == 16 && shape.channels / shape.groups % vector == 0;
}

/// Sequences cut into chunks of rows that run at once, at the price of a pass that finds each chunk's first
/// state.
struct ChunkPlan {
  std::int64_t count, rows;  ///< of each sequence; of a chunk: a multiple of kChunkRows
};

/// Rows are cut at multiples of this: whole tiles and whole intervals of saved states.
inline constexpr std::int64_t kChunkRows = 16;
/// Below, the extra pass and its launch cost more than they bring.
inline constexpr std::int64_t kLeastChunkRows = 40;
/// Chunks so short take kernels with small tiles, which begin sooner.
inline constexpr std::int64_t kShortChunkRows = 128;
/// Room for the chunks' states, bytes.
inline constexpr std::int64_t kMostChunkBytes = 256ll << 20;

/// Warps that a pass over tiles of `tile` channels can keep busy at once, counting sequences of full length.
inline std::int64_t warps_of(const ScanShape& shape, std::int64_t tile) {
  const std::int64_t width = shape.channels / shape.groups;
  const std::int64_t full =
      std::max<std::int64_t>(1, shape.rows / std::max<std::int64_t>(1, shape.max_length));
  const std::int64_t tiles = (width + tile - 1) / tile * shape.groups;
  return std::max<std::int64_t>(1, tiles * std::min(full, std::max<std::int64_t>(1, shape.sequences)));
}

/// What a pass's kernels can have on a multiprocessor at once.
struct WarpRoom {
  std::int64_t usual, of_short_chunks;
};

/// Cuts as often as fills the device once, if the batch alone has no more than `few` warps a multiprocessor;
/// short sequences, whose time is mostly latency, more often.
inline ChunkPlan plan_chunks(const ScanShape& shape, std::int64_t tile, std::int64_t few, WarpRoom room) {
  const std::int64_t length = std::max<std::int64_t>(1, std::min(shape.max_length, shape.rows));
  const std::int64_t warps = warps_of(shape, tile);
  if (warps > few * shape.multiprocessors) return {1, 0};
  const auto cuts = [&](std::int64_t on_each) {
    return std::clamp<std::int64_t>(on_each * shape.multiprocessors / warps, 1,
                                    std::max<std::int64_t>(1, length / kLeastChunkRows));
  };
  const std::int64_t often = cuts(room.of_short_chunks);
  std::int64_t count = length <= often * kShortChunkRows ? often : cuts(room.usual);
  const std::int64_t bytes =
      std::max<std::int64_t>(1, shape.sequences * shape.channels * shape.state_size * 4);
  count = std::min(count, std::max<std::int64_t>(1, kMostChunkBytes / bytes));
  const std::int64_t rows = ((length + count - 1) / count + kChunkRows - 1) / kChunkRows * kChunkRows;
  return {(length + rows - 1) / rows, rows};
}

struct ForwardPlan {
  int channels;  ///< of a lane: a warp covers 8 times as many
  ChunkPlan chunks;
};

/// Two channels a lane, 16 rows a tile, is best or equal everywhere but where there are several waves of even
/// the wider tiles: those share the rows of B and C among more channels. save_every (0: no states): states
/// every four rows have only the wide kernel; pads between valid rows only the narrow one.
inline ForwardPlan plan_forward(const ScanShape& shape, std::int64_t save_every, bool has_holes) {
  const bool many = warps_of(shape, 32) >= 18ll * shape.multiprocessors;
  if (!has_holes && (many || save_every == 4)) return {4, {1, 0}};
  return {2, plan_chunks(shape, 16, 2, {12, 16})};
}

struct BackwardPlan {
  int channels;        ///< of a lane
  std::int64_t parts;  ///< runs of sequences with sums of their own, each in `chunks.count` chunks
  ChunkPlan chunks;
};

/// Most partial sums of dA; more sequences share one.
inline constexpr std::int64_t kMostScanParts = 256;

/// save_every: rows between saved states, which are the rows whose states a warp holds in registers: 8 (two
/// channels a lane) or 4 (four).
inline BackwardPlan plan_backward(const ScanShape& shape, std::int64_t save_every) {
  const int channels = save_every == 4 ? 4 : 2;
  const std::int64_t parts = std::min(shape.sequences, kMostScanParts);
  return {channels, parts,
          parts < shape.sequences ? ChunkPlan{1, 0} : plan_chunks(shape, 8 * channels, 4, {8, 16})};
}

/// Rows between saved states that the kernels have: 4 or 8; with pads between valid rows always 8.
inline std::int64_t states_interval(std::int64_t wanted, bool has_holes) {
  return wanted == 4 && !has_holes ? 4 : 8;
}

/// Saved states of a batch: the slot of sequence s is offsets[s] / interval + s.
inline std::int64_t states_slots(std::int64_t rows, std::int64_t sequences, std::int64_t interval) {
  return rows / interval + sequences;
}

}  // namespace mabert::kernels
