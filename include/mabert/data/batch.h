#pragma once

#include <cstdint>
#include <vector>

#include <ATen/core/Tensor.h>

#include "mabert/core/sequence_layout.h"

namespace mabert::data {

/// One micro-batch of the masked-language-modelling task, as rows.
struct Batch {
  SequenceLayout layout;
  at::Tensor token_ids;            ///< (T) int32; [PAD] at invalid rows; masked tokens already replaced
  at::Tensor segment_ids;          ///< (T) int32, 0 or 1
  at::Tensor predicted_rows;       ///< (P_cap) int32: rows whose token is to be predicted; unused entries 0
  at::Tensor labels;               ///< (P_cap) int32: the original token; -1 at unused entries
  std::int64_t num_predicted = 0;  ///< entries of predicted_rows in use
  std::vector<std::uint64_t> samples;  ///< index of each sequence's sample in the data set

  Batch to(c10::Device device) const;
};

}  // namespace mabert::data
