#pragma once

#include <algorithm>
#include <cstdint>
#include <limits>
#include <string>
#include <vector>

#include <ATen/core/Tensor.h>
#include <ATen/ops/full.h>
#include <ATen/ops/zeros.h>

#include "mabert/core/sequence_layout.h"

namespace mabert::testing {

enum class PadSide { left, right, holes };

/// A padded batch that holds sequences of these lengths: pads before, after, or after every second token.
inline SequenceLayout padded_layout(const std::vector<std::int64_t>& lengths, PadSide side,
                                    std::int64_t extra) {
  const std::int64_t longest = *std::max_element(lengths.begin(), lengths.end());
  const std::int64_t columns = side == PadSide::holes ? 2 * longest + extra : longest + extra;
  const std::int64_t batch = static_cast<std::int64_t>(lengths.size());
  const at::Tensor mask = at::zeros({batch, columns}, at::TensorOptions().dtype(at::kBool));
  for (std::int64_t s = 0; s < batch; ++s) {
    const std::int64_t length = lengths[static_cast<std::size_t>(s)];
    for (std::int64_t t = 0; t < length; ++t) {
      const std::int64_t column = side == PadSide::left    ? columns - length + t
                                  : side == PadSide::right ? t
                                                           : t + t / 2;
      mask.mutable_data_ptr<bool>()[s * columns + column] = true;
    }
  }
  return SequenceLayout::padded(mask);
}

/// Ragged rows put into a padded batch whose other rows hold `fill`.
inline at::Tensor pad_rows(const at::Tensor& rows, const SequenceLayout& padded, double fill) {
  std::vector<std::int64_t> shape = rows.sizes().vec();
  shape[0] = padded.rows();
  if (padded.all_valid()) return rows;
  // Converted, not filled: 1e30 becomes infinity in half precision.
  return at::full(shape, fill, rows.options().dtype(at::kDouble))
      .to(rows.scalar_type())
      .index_copy(0, padded.compact().to(rows.device(), at::kLong), rows);
}

/// The valid rows of a padded batch, as ragged rows.
inline at::Tensor unpad_rows(const at::Tensor& x, const SequenceLayout& padded) {
  return padded.all_valid() ? x : x.index_select(0, padded.compact().to(x.device(), at::kLong));
}

/// Is x exactly 0 at every invalid row?
inline bool pads_are_zero(const at::Tensor& x, const SequenceLayout& padded) {
  if (padded.all_valid()) return true;
  return x.detach().index({padded.row_mask().to(x.device()).logical_not()}).eq(0).all().item<bool>();
}

inline std::vector<double> pad_fills() { return {0.0, std::numeric_limits<double>::quiet_NaN(), 1e30}; }

}  // namespace mabert::testing
