#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "mabert/config/fields.h"
#include "mabert/data/batch.h"
#include "mabert/data/batch_plan.h"
#include "mabert/data/masking.h"
#include "mabert/data/sample_index.h"

namespace mabert::data {

class ShardSet;

/// How samples become micro-batches. Exactly one of `tokens` and `sequences` is given, for each micro-batch.
struct BatchOptions {
  std::optional<std::int64_t> tokens;
  std::optional<std::int64_t> sequences;
  BatchLayout layout = BatchLayout::ragged;
  bool fixed_shapes = false;
  std::int64_t accumulation = 1;
  std::int64_t prefetch = 2;
  std::int64_t workers = 1;

  template <class Self, class Visitor>
  static void visit_fields(Self& self, Visitor& visit) {
    visit("tokens", self.tokens, config::between(1, 1 << 30),
          "Most tokens in a micro-batch; this or `sequences`.");
    visit("sequences", self.sequences, config::between(1, 1 << 24),
          "Samples in a micro-batch; this or `tokens`.");
    visit("layout", self.layout, "ragged: no padding; padded: every sample as long as the longest.");
    visit("fixed_shapes", self.fixed_shapes,
          "Give every micro-batch the same shapes, unused rows at its end.");
    visit("accumulation", self.accumulation, config::between(1, 1 << 20),
          "Micro-batches in an optimizer step, on each rank.");
    visit("prefetch", self.prefetch, config::between(0, 1024), "Optimizer steps prepared ahead; 0: none.");
    visit("workers", self.workers, config::between(1, 64),
          "Threads that prepare them; the batches do not depend on it.");
  }

  std::optional<config::Problem> validate() const;
};

/// Sizes of a micro-batch that do not change from one to the next.
struct BatchShape {
  std::int64_t rows = 0;       ///< T
  std::int64_t sequences = 0;  ///< S_cap, slack included; B if padded
  std::int64_t predicted = 0;  ///< P_cap
  std::int64_t max_length = 0;
};

/// What the planner may put in a micro-batch, and with fixed_shapes the shape that holds any such: rows = the
/// budget; P ≤ rate · rows + (1 − 2 rate) · sequences since each sample gives at most rate · (length − 2)
/// + 1.
struct BatchLimits {
  BatchBudget budget;
  std::optional<BatchShape> shape;
};

/// `lengths`: of all samples. Errors: UsageError when the budget is not one, or smaller than a longest
/// sample.
BatchLimits batch_limits(std::span<const std::int32_t> lengths, const SampleOptions& samples,
                         const BatchOptions& batch, double mask_rate);

/// Turns samples into masked batches; a pure function of the samples and the mask key. Threads may share it.
class MlmBatchBuilder {
 public:
  /// Keeps references to `shards` and `samples`.
  MlmBatchBuilder(const ShardSet& shards, const SampleIndex& samples, const MaskingOptions& masking,
                  BatchLayout layout, std::optional<BatchShape> shape);

  /// Errors: DataError for a token that is not in the shards' vocabulary, naming shard, document and token.
  Batch build(std::span<const std::uint64_t> samples, std::uint64_t mask_key) const;

 private:
  struct Assembled {
    std::vector<std::int32_t> ids, maskable_rows;
  };
  Assembled assemble(const Sample& sample) const;

  const ShardSet& shards_;
  const SampleIndex& samples_;
  MaskingOptions masking_;
  BatchLayout layout_;
  std::optional<BatchShape> shape_;
};

}  // namespace mabert::data
