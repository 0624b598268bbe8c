#include "batch_parts.h"

#include <algorithm>
#include <string>

#include <ATen/ops/cat.h>
#include <ATen/ops/full.h>
#include <ATen/ops/zeros.h>

#include "mabert/core/error.h"
#include "mabert/data/shard_set.h"

namespace mabert::data {

SequenceLayout make_batch_layout(std::span<const std::int64_t> lengths, BatchLayout layout,
                                 const std::optional<BatchShape>& shape) {
  if (layout == BatchLayout::ragged) {
    SequenceLayout::Capacity capacity;
    if (shape) capacity = {shape->rows, shape->sequences, shape->max_length};
    return SequenceLayout::ragged(lengths, capacity);
  }
  const std::int64_t batch = shape ? shape->sequences : static_cast<std::int64_t>(lengths.size());
  const std::int64_t columns = shape ? shape->max_length : *std::max_element(lengths.begin(), lengths.end());
  const at::Tensor mask = at::zeros({batch, columns}, at::TensorOptions().dtype(at::kBool));
  for (std::size_t s = 0; s < lengths.size(); ++s) {
    std::fill_n(mask.mutable_data_ptr<bool>() + static_cast<std::int64_t>(s) * columns, lengths[s], true);
  }
  return SequenceLayout::padded(mask);
}

void copy_tokens(const ShardSet& shards, std::uint64_t document, std::uint64_t begin,
                 std::span<std::int32_t> target) {
  shards.document(document).copy(begin, target);
  for (std::size_t i = 0; i < target.size(); ++i) {
    if (target[i] >= 0 && target[i] < shards.vocabulary_size()) continue;
    throw DataError(shards.describe(document) + ": token " + std::to_string(begin + i) + ": id " +
                    std::to_string(target[i]) + " is not below the vocabulary's " +
                    std::to_string(shards.vocabulary_size()) +
                    "; write the shards again with `mabert shard`");
  }
}

at::Tensor filled(std::int64_t size, std::int32_t value) {
  return at::full({size}, value, at::TensorOptions().dtype(at::kInt));
}

std::vector<at::Tensor> move_together(const std::vector<at::Tensor>& parts, c10::Device device) {
  std::vector<at::Tensor> defined;
  for (const at::Tensor& part : parts) {
    if (part.defined()) defined.push_back(part.view(at::kInt));
  }
  at::Tensor packed = at::cat(defined);
  if (device.is_cuda() && packed.device().is_cpu()) packed = packed.pin_memory();
  packed = packed.to(device, /*non_blocking=*/true);
  std::vector<at::Tensor> moved;
  std::int64_t at = 0;
  for (const at::Tensor& part : parts) {
    moved.push_back(part.defined() ? packed.narrow(0, at, part.size(0)).view(part.scalar_type()) : part);
    at += part.defined() ? part.size(0) : 0;
  }
  return moved;
}

}  // namespace mabert::data
