#pragma once

#include "kernels/attention_pool/cuda.h"
#include "kernels/causal_conv1d/vector.cuh"
#include "kernels/common/cuda_types.cuh"

#include <type_traits>

namespace mabert::kernels {

/// Rows [first, last) of a sequence, none where the slot is unused; its span cut to them is [begin, end).
struct PoolChunk {
  std::int64_t sequence, slot, first, last, begin, end;

  __device__ bool is_valid(const LayoutView& layout, std::int64_t row) const {
    return row >= begin && row < end && (layout.valid == nullptr || layout.valid[row]);
  }
  /// Bit j: whether row `from` + j · step is valid. A warp asks together.
  template <int kCount>
  __device__ unsigned valid_bits(const LayoutView& layout, std::int64_t from, int step) const {
    static_assert(kCount <= 32);
    const int lane = threadIdx.x % 32;
    return __ballot_sync(0xffffffffu, lane < kCount && is_valid(layout, from + lane * step));
  }
};

/// The chunk of a slot. All threads of a warp ask for the same one: they look at 32 sequences at a time for
/// the last whose first slot is not behind it.
template <int kRows>
__device__ inline PoolChunk find_pool_chunk(const LayoutView& layout, std::int64_t slot) {
  const int lane = threadIdx.x % 32;
  std::int64_t s = 0, candidates = layout.sequences;  // from s on
  while (candidates > 1) {
    const std::int64_t step = (candidates + 31) / 32, ahead = lane * step;
    const bool reached =
        ahead < candidates && first_pool_slot(layout.offsets[s + ahead], s + ahead, kRows) <= slot;
    const std::int64_t passed = (__popc(__ballot_sync(0xffffffffu, reached)) - 1) * step;
    s += passed;
    candidates = candidates - passed < step ? candidates - passed : step;
  }
  const std::int64_t sequence_first = layout.offsets[s], sequence_last = layout.offsets[s + 1];
  const std::int64_t begin = layout.begin[s], end = layout.end[s];
  PoolChunk chunk{};
  chunk.sequence = s;
  chunk.slot = slot;
  chunk.first = sequence_first + (slot - first_pool_slot(sequence_first, s, kRows)) * kRows;
  chunk.last = chunk.first + kRows < sequence_last ? chunk.first + kRows : sequence_last;
  chunk.begin = chunk.first > begin ? chunk.first : begin;
  chunk.end = chunk.last < end ? chunk.last : end;
  return chunk;
}

inline bool in_whole_vectors(const void* data, std::int64_t stride_bytes) {
  return reinterpret_cast<std::uintptr_t>(data) % 16 == 0 && stride_bytes % 16 == 0;
}

/// Calls body(type, columns), the latter an integral constant: what a thread takes of a row at a time.
/// vectors(size): whether 16 bytes can be moved at once, given the size of an element; double never does.
template <class Vectors, class Body>
inline void with_pool_columns(DType dtype, const Vectors& vectors, const Body& body) {
  with_type(dtype, [&](auto type) {
    constexpr int kSize = sizeof(type);
    if constexpr (kSize <= 4) {
      if (vectors(kSize)) return body(type, std::integral_constant<int, 16 / kSize>());
    }
    body(type, std::integral_constant<int, 1>());
  });
}

}  // namespace mabert::kernels
