#pragma once

#include "kernels/common/layout_view.h"

#include <cmath>
#include <cstdint>

namespace mabert::kernels {

/// Queries, keys or values of all rows; strides in elements, neighbouring channels side by side.
struct RotaryPart {
  const void* x;
  std::int64_t x_row_stride, x_head_stride;
  void* out;  // heads side by side
  std::int64_t out_row_stride;
};

inline constexpr int kRotaryParts = 3, kTurnedParts = 2;

/// Rotary positions as kernels see them: the first two parts are turned, the third is copied.
struct RotaryParams {
  std::int64_t rows, heads, pairs;
  const std::int32_t* positions;  // (rows)
  double log2_ratio;              // of the frequencies of neighbouring pairs
  bool backwards;                 // turn by the opposite angle
  int parts;                      // 2 or 3
  RotaryPart part[kRotaryParts];
};

/// The angle of position 1 as a 64-bit fraction of a full turn. Multiples of it wrap around where angles do,
/// so no position is too large for an exact reduction. Source: own.
MABERT_KERNEL_INLINE std::uint64_t rotary_frequency(const RotaryParams& p, std::int64_t pair) {
  constexpr double kTwoPi = 6.283185307179586476925;
  const double angle = exp2(p.log2_ratio * static_cast<double>(pair));
  return static_cast<std::uint64_t>(angle * (0x1p64 / kTwoPi));
}

/// The angle of `position` in half turns, in [-1, 1].
template <class A>
MABERT_KERNEL_INLINE A rotary_half_turns(std::uint64_t frequency, std::int32_t position) {
  const std::uint64_t turn = frequency * static_cast<std::uint64_t>(static_cast<std::int64_t>(position));
  return static_cast<A>(static_cast<std::int64_t>(turn)) * static_cast<A>(0x1p-63);
}

}  // namespace mabert::kernels
