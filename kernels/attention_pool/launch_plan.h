#pragma once

#include "kernels/common/layout_view.h"

namespace mabert::kernels {

/// What a block of the pooling kernels takes: a chunk of `rows` rows, spread over `warps` warps. Source: own.
template <int rows, int warps>
struct PoolBlock {
  static constexpr int kRows = rows, kWarps = warps, kThreads = 32 * warps;
  static constexpr int kResident = 1024 / kThreads;  // blocks that a multiprocessor must have registers for
};

/// What was measured to be best.
using PoolForwardBlock = PoolBlock<64, 8>;
using PoolBackwardBlock = PoolBlock<32, 8>;

/// A sequence is cut into chunks of rows from its first row on, so that the order of a sum depends on nothing
/// but its sequence. Chunk c of sequence s has slot first_pool_slot(offsets[s], s) + c: sequences never share
/// a slot, and the number of slots is known without the lengths. Some stay unused.
MABERT_KERNEL_INLINE std::int64_t first_pool_slot(std::int64_t first_row, std::int64_t s, int chunk_rows) {
  return first_row / chunk_rows + s;
}
inline std::int64_t pool_slots(std::int64_t rows, std::int64_t sequences, int chunk_rows) {
  return first_pool_slot(rows, sequences, chunk_rows);
}

/// Values from one slot's partial sums to the next one's: whole vectors of 16 bytes.
inline std::int64_t pool_part_stride(std::int64_t width) { return (width + 3) / 4 * 4; }

}  // namespace mabert::kernels
