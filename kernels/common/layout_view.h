#pragma once

#include <cstdint>

#if defined(__CUDACC__)
#define MABERT_KERNEL_INLINE __host__ __device__ inline
#else
#define MABERT_KERNEL_INLINE inline
#endif

namespace mabert::kernels {

/// The arrays of a SequenceLayout as kernels see them, all on the kernel's device. Source: own.
struct LayoutView {
  const std::int32_t* offsets;   ///< (sequences + 1)
  const std::int32_t* begin;     ///< (sequences)
  const std::int32_t* end;       ///< (sequences)
  const std::int32_t* position;  ///< (rows)
  const std::int32_t* sequence;  ///< (rows)
  const std::int32_t* order;     ///< (sequences): from the longest span to the shortest
  const bool* valid;             ///< (rows), or null where the spans say everything
  std::int64_t sequences, rows;
};

MABERT_KERNEL_INLINE bool is_valid(const LayoutView& layout, std::int64_t row) {
  const std::int32_t s = layout.sequence[row];
  return row >= layout.begin[s] && row < layout.end[s] && (layout.valid == nullptr || layout.valid[row]);
}

/// Number of valid rows of a sequence: the last row of a non-empty span is always valid.
MABERT_KERNEL_INLINE std::int32_t count_valid(const LayoutView& layout, std::int64_t s) {
  return layout.end[s] > layout.begin[s] ? layout.position[layout.end[s] - 1] + 1 : 0;
}

}  // namespace mabert::kernels
