#pragma once

#include <array>
#include <cstdint>

#include <ATen/core/Tensor.h>

#include "mabert/config/fields.h"

namespace mabert::nn {

/// How a learned position table becomes a longer one.
enum class PositionGrowth {
  tile,         ///< row i of the new table is row i mod L of the old one
  interpolate,  ///< L rows stretched over the new length, linearly, first and last rows kept
};

/// table (L, D) to (length, D), in its dtype, on its device; the table itself where the lengths agree. A new
/// row i is
///   tile:         table[i mod L]
///   interpolate:  (1 - f) · table[k] + f · table[k + 1],  with k + f = i (L - 1) / (length - 1)
/// Errors: UsageError when length < L, or the table has no row. Source: tile as in Beltagy et al. 2020,
/// "Longformer", section 5; interpolate as in Chen et al. 2023, "Extending context window of large language
/// models via positional interpolation", equation 4, applied to a table.
at::Tensor grow_positions(const at::Tensor& table, std::int64_t length, PositionGrowth growth);

}  // namespace mabert::nn

namespace mabert::config {
template <>
struct EnumNames<nn::PositionGrowth> {
  static constexpr std::array names{EnumName{"tile", nn::PositionGrowth::tile},
                                    EnumName{"interpolate", nn::PositionGrowth::interpolate}};
};
}  // namespace mabert::config
