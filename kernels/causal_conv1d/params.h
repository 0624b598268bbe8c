#pragma once

#include "kernels/common/layout_view.h"

#include <cstdint>

namespace mabert::kernels {

inline constexpr std::int64_t kMaxConvWidth = 16;

/// A causal convolution with SiLU as kernels see it: T marks the type of x, A float (double with double x).
/// Source: own.
struct ConvParams {
  LayoutView layout;
  std::int64_t channels, width, groups;
  std::uint64_t reverse;  // bit g: group g is mirrored in time
  const void* x;          // T (rows, channels), stride below
  std::int64_t x_stride;
  const void* weight;  // A (width, channels): transposed
  const void* bias;    // A (channels) or null
  void* out;           // T (rows, channels)
};

struct ConvGradients {
  const void* grad_out;  // T (rows, channels)
  std::int64_t grad_out_stride;
  void* dpre;     // A (rows, channels): scratch, gradient before the SiLU
  void* dx;       // T (rows, channels)
  void* dweight;  // A (parts, width + 1, channels): partial sums, the last row is the bias's
};

/// The row that tap `w` reads for output row `row`, or -1 where the history is zero: outside the span, or
/// invalid.
MABERT_KERNEL_INLINE std::int64_t tap_row(const LayoutView& layout, std::int64_t row, std::int64_t s,
                                          std::int64_t back, bool reverse) {
  const std::int64_t source = reverse ? row + back : row - back;
  if (source < layout.begin[s] || source >= layout.end[s]) return -1;
  return layout.valid == nullptr || layout.valid[source] ? source : -1;
}

}  // namespace mabert::kernels
