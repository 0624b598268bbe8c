#pragma once

#include "kernels/common/layout_view.h"

#include <cstdint>
#include <vector>

namespace mabert::kernels {

/// Bounds of runs of whole sequences of at least `rows` rows each (host layout). Sums over sequences are
/// formed inside a segment and then over segments in order, so results do not depend on the number of
/// threads.
inline std::vector<std::int64_t> sequence_segments(const LayoutView& layout, std::int64_t rows) {
  std::vector<std::int64_t> bounds{0};
  std::int64_t first_row = 0;
  for (std::int64_t s = 0; s < layout.sequences; ++s) {
    if (layout.offsets[s + 1] - first_row < rows && s + 1 < layout.sequences) continue;
    bounds.push_back(s + 1);
    first_row = layout.offsets[s + 1];
  }
  return bounds;
}

}  // namespace mabert::kernels
