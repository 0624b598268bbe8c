#include "mabert/data/mlm_batch.h"

#include "batch_parts.h"

#include <algorithm>
#include <cmath>
#include <numeric>
#include <string>

#include "mabert/core/error.h"
#include "mabert/data/shard_set.h"
#include "mabert/data/tokenizer.h"

namespace mabert::data {
namespace {

std::int64_t divide_up(std::int64_t a, std::int64_t b) { return (a + b - 1) / b; }

}  // namespace

std::optional<config::Problem> BatchOptions::validate() const {
  if (tokens.has_value() != sequences.has_value()) return std::nullopt;
  return config::Problem{"", "exactly one of tokens and sequences", tokens ? "both" : "neither"};
}

BatchLimits batch_limits(std::span<const std::int32_t> lengths, const SampleOptions& samples,
                         const BatchOptions& batch, double mask_rate) {
  if (const auto problem = batch.validate()) {
    throw UsageError("batch: expected " + problem->expected + ", got " + problem->got);
  }
  if (batch.tokens && *batch.tokens < samples.max_length) {
    throw UsageError("batch.tokens: expected at least samples.max_length (" +
                     std::to_string(samples.max_length) + "), got " + std::to_string(*batch.tokens));
  }
  BatchLimits limits{{batch.tokens, batch.sequences, batch.layout, std::nullopt}, std::nullopt};
  if (!batch.fixed_shapes) return limits;

  BatchShape shape;
  shape.max_length = samples.max_length;
  std::int64_t real = 0;
  if (batch.layout == BatchLayout::padded) {
    real = batch.sequences.value_or(batch.tokens.value_or(0) / samples.max_length);
    limits.budget.tokens.reset();
    limits.budget.sequences = real;
    shape.rows = real * samples.max_length;
    shape.sequences = real;
  } else {
    shape.rows = batch.tokens ? *batch.tokens : *batch.sequences * samples.max_length;
    if (batch.sequences) {
      real = *batch.sequences;
    } else {
      // Twice as many as usual: a bound by the shortest sample would be mostly empty sequences, which are not
      // free.
      const double total = std::accumulate(lengths.begin(), lengths.end(), 0.0);
      const double usual =
          static_cast<double>(shape.rows) * static_cast<double>(lengths.size()) / std::max(total, 1.0);
      real = std::min(shape.rows / samples.min_length, static_cast<std::int64_t>(std::ceil(2 * usual)) + 8);
      limits.budget.max_sequences = real;
    }
    shape.sequences = real + divide_up(shape.rows, samples.max_length);
  }
  const double most = mask_rate * static_cast<double>(shape.rows) +
                      std::max(0.0, 1 - 2 * mask_rate) * static_cast<double>(real);
  shape.predicted = std::min(shape.rows, static_cast<std::int64_t>(std::ceil(most)));
  limits.shape = shape;
  return limits;
}

MlmBatchBuilder::MlmBatchBuilder(const ShardSet& shards, const SampleIndex& samples,
                                 const MaskingOptions& masking, BatchLayout layout,
                                 std::optional<BatchShape> shape)
    : shards_(shards), samples_(samples), masking_(masking), layout_(layout), shape_(shape) {}

MlmBatchBuilder::Assembled MlmBatchBuilder::assemble(const Sample& sample) const {
  const SpecialIds special;
  Assembled result;
  result.ids.push_back(special.cls);
  std::uint64_t document = sample.document, begin = sample.begin, left = sample.tokens;
  while (left > 0) {
    const std::uint64_t count = std::min(left, shards_.length(document) - begin);
    const std::size_t row = result.ids.size();
    result.ids.resize(row + count);
    copy_tokens(shards_, document, begin, std::span(result.ids).subspan(row));
    for (std::size_t i = row; i < row + count; ++i)
      result.maskable_rows.push_back(static_cast<std::int32_t>(i));
    result.ids.push_back(special.sep);
    left -= count;
    begin = 0;
    ++document;
  }
  return result;
}

Batch MlmBatchBuilder::build(std::span<const std::uint64_t> samples, std::uint64_t mask_key) const {
  std::vector<Assembled> parts;
  std::vector<std::int64_t> lengths;
  std::int64_t predicted = 0;
  for (const std::uint64_t sample : samples) {
    parts.push_back(assemble(samples_[sample]));
    lengths.push_back(static_cast<std::int64_t>(parts.back().ids.size()));
    predicted += masked_count(static_cast<std::int64_t>(parts.back().maskable_rows.size()), masking_);
  }
  Batch batch;
  batch.samples.assign(samples.begin(), samples.end());
  batch.layout = make_batch_layout(lengths, layout_, shape_);
  batch.num_predicted = predicted;
  const std::int64_t capacity = shape_ ? shape_->predicted : predicted;
  if (predicted > capacity) {
    throw UsageError("[batch] predicted rows: expected at most " + std::to_string(capacity) + ", got " +
                     std::to_string(predicted));
  }
  batch.token_ids = filled(batch.layout.rows(), SpecialIds().pad);
  batch.segment_ids = filled(batch.layout.rows(), 0);
  batch.predicted_rows = filled(capacity, 0);
  batch.labels = filled(capacity, -1);

  auto* ids = batch.token_ids.mutable_data_ptr<std::int32_t>();
  auto* rows = batch.predicted_rows.mutable_data_ptr<std::int32_t>();
  auto* labels = batch.labels.mutable_data_ptr<std::int32_t>();
  for (std::size_t s = 0; s < parts.size(); ++s) {
    const std::int32_t first = batch.layout.host_offsets()[s];
    std::copy(parts[s].ids.begin(), parts[s].ids.end(), ids + first);
    for (const MaskedRow& masked :
         choose_masks(parts[s].maskable_rows, masking_, mask_key, samples[s], shards_.vocabulary_size())) {
      *rows++ = first + masked.row;
      *labels++ = parts[s].ids[static_cast<std::size_t>(masked.row)];
      if (masked.shown) ids[first + masked.row] = *masked.shown;
    }
  }
  return batch;
}

}  // namespace mabert::data
