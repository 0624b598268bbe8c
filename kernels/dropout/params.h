#pragma once

#include "kernels/common/layout_view.h"

#include <cstdint>

#include "mabert/core/random.h"

namespace mabert::kernels {

/// Dropout as kernels see it. Source: own.
struct DropoutParams {
  LayoutView layout;
  std::int64_t channels;
  float rate;
  std::uint64_t key;            // of the run and the module
  const std::int64_t* step;     // (1)
  const std::int64_t* samples;  // (sequences)
  const void* x;
  std::int64_t x_stride;
  void* out;  // (rows, channels)
};

/// Channels that share one draw.
inline constexpr std::int64_t kDropoutLanes = 4;

MABERT_KERNEL_INLINE std::uint64_t dropout_step_key(const DropoutParams& p) {
  return Philox::draw(p.key, 0, static_cast<std::uint64_t>(*p.step)).word64(0);
}

/// The random words of kDropoutLanes channels from `channel` on, of one valid row.
MABERT_KERNEL_INLINE Philox dropout_draw(const DropoutParams& p, std::uint64_t step_key, std::int64_t row,
                                         std::int64_t channel) {
  const std::uint64_t position = static_cast<std::uint64_t>(p.layout.position[row]);
  const std::uint64_t sample = static_cast<std::uint64_t>(p.samples[p.layout.sequence[row]]);
  return Philox::draw(step_key, sample,
                      (position << 32) | static_cast<std::uint64_t>(channel / kDropoutLanes));
}

}  // namespace mabert::kernels
