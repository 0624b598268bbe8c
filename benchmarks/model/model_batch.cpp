#include "benchmarks/model/model_batch.h"

#include <algorithm>
#include <numeric>
#include <string>

#include <ATen/ops/empty.h>
#include <ATen/ops/full.h>
#include <ATen/ops/zeros.h>
#include <ATen/ops/zeros_like.h>

#include "mabert/core/error.h"
#include "mabert/core/random.h"
#include "mabert/data/tokenizer.h"

namespace mabert::bench {
namespace {

constexpr std::uint64_t kLengthKey = 2, kTokenStream = 2;

}  // namespace

std::vector<std::int64_t> draw_lengths(std::int64_t sequences, std::int64_t tokens, std::int64_t length) {
  if (sequences < 1 || tokens > sequences * length ||
      tokens < length + (sequences - 1) * std::min(kShortestSequence, length)) {
    throw UsageError("[batch] tokens: expected " + std::to_string(length) + " for one sequence and " +
                     std::to_string(kShortestSequence) + " to " + std::to_string(length) +
                     " for each other of " + std::to_string(sequences) + ", got " + std::to_string(tokens));
  }
  std::vector<std::int64_t> lengths{length};
  const std::int64_t others = sequences - 1, left = tokens - length;
  for (std::int64_t i = 0; i < others; ++i) {
    lengths.push_back(left / others + (i < left % others ? 1 : 0));
  }
  // Pairs move apart, so that the sum stays.
  for (std::size_t i = 1; i + 1 < lengths.size(); i += 2) {
    const std::int64_t room =
        std::min({lengths[i], lengths[i + 1]}) - std::min(kShortestSequence, lengths[i + 1]);
    const std::int64_t above = length - std::max(lengths[i], lengths[i + 1]);
    const auto draw = static_cast<std::int64_t>(Philox::draw(kLengthKey, 0, i).word64(0) >> 1);
    const std::int64_t apart = draw % (std::min(room, above) + 1);
    lengths[i] += apart;
    lengths[i + 1] -= apart;
  }
  return lengths;
}

ModelBatch ModelBatch::to(c10::Device device) const {
  return {layout.to(device), token_ids.to(device), segment_ids.to(device)};
}

ModelBatch make_model_batch(std::span<const std::int64_t> lengths, data::BatchLayout layout,
                            std::int64_t vocabulary, std::uint64_t seed) {
  const data::SpecialIds special;
  const auto integers = at::TensorOptions().dtype(at::kInt);
  const std::int64_t tokens = std::accumulate(lengths.begin(), lengths.end(), std::int64_t{0});
  const at::Tensor ids = at::empty({tokens}, integers);
  auto* const data = ids.mutable_data_ptr<std::int32_t>();
  const auto ordinary = static_cast<std::uint64_t>(vocabulary - special.first_ordinary);
  for (std::int64_t i = 0; i < tokens; ++i) {
    data[i] = special.first_ordinary +
              static_cast<std::int32_t>(
                  Philox::draw(seed, kTokenStream, static_cast<std::uint64_t>(i)).word64(0) % ordinary);
  }
  ModelBatch batch;
  if (layout == data::BatchLayout::ragged) {
    batch.layout = SequenceLayout::ragged(lengths);
    batch.token_ids = ids;
  } else {
    const auto sequences = static_cast<std::int64_t>(lengths.size());
    const std::int64_t longest = *std::max_element(lengths.begin(), lengths.end());
    const at::Tensor mask = at::zeros({sequences, longest}, at::TensorOptions().dtype(at::kBool));
    const at::Tensor rows = at::full({sequences, longest}, special.pad, integers);
    std::int64_t first = 0;
    for (std::int64_t s = 0; s < sequences; ++s) {
      const std::int64_t length = lengths[static_cast<std::size_t>(s)];
      mask.select(0, s).narrow(0, 0, length).fill_(true);
      rows.select(0, s).narrow(0, 0, length).copy_(ids.narrow(0, first, length));
      first += length;
    }
    batch.layout = SequenceLayout::padded(mask);
    batch.token_ids = rows.view({-1});
  }
  batch.segment_ids = at::zeros_like(batch.token_ids);
  return batch;
}

}  // namespace mabert::bench
