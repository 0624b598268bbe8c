#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include <ATen/core/Tensor.h>

#include "mabert/core/sequence_layout.h"
#include "mabert/data/batch_plan.h"

namespace mabert::bench {

/// Fewest tokens of a drawn sequence.
constexpr std::int64_t kShortestSequence = 8;

/// Lengths of `sequences` sequences with `tokens` in all, none longer than `length`; one is exactly that long
/// and the others lie evenly around their mean (a fixed draw), so that the (sequences, length) batch of them
/// has 1 - tokens / (sequences · length) of its rows padded. All alike when there is nothing to pad. Errors:
/// UsageError when the tokens do not fit or leave a sequence with fewer than kShortestSequence.
std::vector<std::int64_t> draw_lengths(std::int64_t sequences, std::int64_t tokens, std::int64_t length);

/// What a model's forward takes, random tokens.
struct ModelBatch {
  SequenceLayout layout;
  at::Tensor token_ids, segment_ids;  ///< (T) int32

  ModelBatch to(c10::Device device) const;
};

/// On the CPU. padded: rows of (sequences, longest), pads behind; the valid tokens are those of the ragged
/// batch in the same order.
ModelBatch make_model_batch(std::span<const std::int64_t> lengths, data::BatchLayout layout,
                            std::int64_t vocabulary, std::uint64_t seed);

}  // namespace mabert::bench
