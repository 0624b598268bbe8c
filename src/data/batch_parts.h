#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include <ATen/core/Tensor.h>

#include "mabert/core/sequence_layout.h"
#include "mabert/data/mlm_batch.h"

/// What batches of any task are made of.
namespace mabert::data {

class ShardSet;

/// Sequences of these lengths, in the order given, padded on the right where the layout says so; with a
/// shape: of that size.
SequenceLayout make_batch_layout(std::span<const std::int64_t> lengths, BatchLayout layout,
                                 const std::optional<BatchShape>& shape);

/// Copies the tokens of a document from `begin` on to `target`, which says how many. Errors: DataError for a
/// token that is not in the shards' vocabulary, naming shard, document and token.
void copy_tokens(const ShardSet& shards, std::uint64_t document, std::uint64_t begin,
                 std::span<std::int32_t> target);

/// (size) int32.
at::Tensor filled(std::int64_t size, std::int32_t value);

/// Tensors (n) of 4-byte elements on `device`, undefined ones left so. One copy for all; through pinned
/// memory it does not wait for the device.
std::vector<at::Tensor> move_together(const std::vector<at::Tensor>& parts, c10::Device device);

}  // namespace mabert::data
