#pragma once

#include "kernels/common/layout_view.h"

#include <cstdint>

namespace mabert::kernels {

/// Rows between two saved states: the backward rebuilds so many steps at a time.
inline constexpr std::int64_t kScanTile = 16;

/// A selective scan as kernels see it. Pointers marked T point to the inputs' type, those marked A to the
/// type of the state (float, or double with double inputs). Absent inputs are null. Source: own.
struct ScanParams {
  LayoutView layout;
  std::int64_t channels, state_size, groups;
  std::uint64_t reverse;      // bit g: group g runs from right to left
  const void *u, *delta, *z;  // T (rows, channels), strides below
  std::int64_t u_stride, delta_stride, z_stride;
  const void *b, *c;  // T (rows, groups, state_size), strides below
  std::int64_t b_stride, b_group_stride, c_stride, c_group_stride;
  const void* a;               // A (state_size, channels): transposed
  const void *d, *delta_bias;  // A (channels)
  const void* initial_state;   // A (sequences, state_size, channels): transposed
  void* out;                   // T (rows, channels)
  void* last_state;            // A (sequences, state_size, channels)
  void* states;                // A (slots, state_size, channels), or null: see state_slot
};

/// The backward's additional arguments. `d*` are the gradients of the forward's inputs; those of sums over
/// rows or channels are partial sums to be added up in order by a second pass. The warp kernels use dbc and
/// channel_sums for them, and db and dc for the results, T (rows, groups, 16); the others da, dd,
/// ddelta_bias.
struct ScanGradients {
  const void* grad_out;  // T (rows, channels)
  std::int64_t grad_out_stride;
  void *du, *ddelta, *dz;  // T (rows, channels)
  void *db, *dc;           // A (channel blocks of a group, rows, groups, state_size)
  void* dbc;               // T (channel tiles of a group, rows, groups, 2, state_size): B, then C
  void* channel_sums;      // A (parts, 18 * channels): dA (channels, 16), dD, the bias's gradient
  void* da;                // A (parts, state_size, channels)
  void *dd, *ddelta_bias;  // A (parts, channels)
  void* dinitial_state;    // A (sequences, state_size, channels)
};

/// First slot of a sequence's saved states, one for every kScanTile valid rows. A function of the offsets
/// alone, so that the number of slots depends only on the capacities.
MABERT_KERNEL_INLINE std::int64_t state_slot(const LayoutView& layout, std::int64_t s) {
  return layout.offsets[s] / kScanTile + s;
}

inline std::int64_t state_slots(std::int64_t rows, std::int64_t sequences) {
  return rows / kScanTile + sequences;
}

/// The next (or, going back, the previous) `count` valid rows of a sequence in the order of the scan.
class ScanRows {
 public:
  MABERT_KERNEL_INLINE ScanRows(const LayoutView& layout, std::int64_t s, bool reverse, bool from_start)
      : layout_(layout),
        step_(reverse != from_start ? 1 : -1),
        cursor_(step_ > 0 ? layout.begin[s] : layout.end[s] - 1) {}

  MABERT_KERNEL_INLINE std::int32_t next() {
    while (layout_.valid != nullptr && !layout_.valid[cursor_]) cursor_ += step_;
    const std::int32_t row = cursor_;
    cursor_ += step_;
    return row;
  }

 private:
  const LayoutView& layout_;
  std::int32_t step_, cursor_;
};

}  // namespace mabert::kernels
