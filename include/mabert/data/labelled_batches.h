#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <vector>

#include <ATen/core/Tensor.h>

#include "mabert/core/sequence_layout.h"
#include "mabert/data/labelled_set.h"
#include "mabert/data/mlm_batch.h"

namespace mabert::data {

/// One micro-batch of examples, as rows.
struct LabelledBatch {
  SequenceLayout layout;
  at::Tensor token_ids;                 ///< (T) int32; [PAD] at invalid rows
  at::Tensor segment_ids;               ///< (T) int32, 0 or 1
  at::Tensor word_rows;                 ///< (P) int32: token tasks: first piece of each word; else undefined
  at::Tensor labels;                    ///< (S_cap) or (P) int32: class; -1: none. Undefined for regression
  at::Tensor scores;                    ///< (S_cap) fp32: regression targets; NaN: none. Undefined otherwise
  std::vector<std::uint64_t> examples;  ///< index in the set of each sequence
  std::int64_t predicted = 0;           ///< labels or scores that count in the loss

  LabelledBatch to(c10::Device device) const;
};

/// A batch of those examples. Errors: UsageError for none.
LabelledBatch make_labelled_batch(const LabelledSet& set, std::span<const std::uint64_t> examples,
                                  BatchLayout layout);

/// Shuffled micro-batches for training: a pure function of (set, options, seed, epoch, step). The last step
/// of an epoch may be smaller; no example is dropped. Source: own.
class LabelledLoader {
 public:
  /// Errors: UsageError (options; a set without labels).
  LabelledLoader(std::shared_ptr<const LabelledSet> set, const BatchOptions& options, std::uint64_t seed);

  std::int64_t steps_per_epoch(std::int64_t epoch) const;
  /// The micro-batches of a step, on the CPU. Errors: UsageError beyond the epoch's end.
  std::vector<LabelledBatch> step(std::int64_t epoch, std::int64_t step) const;
  const LabelledSet& set() const { return *set_; }

 private:
  std::shared_ptr<const BatchPlan> plan(std::int64_t epoch) const;

  std::shared_ptr<const LabelledSet> set_;
  BatchOptions options_;
  BatchBudget budget_;
  std::uint64_t seed_;
  mutable std::mutex mutex_;
  mutable std::map<std::int64_t, std::shared_ptr<const BatchPlan>> plans_;
};

/// Micro-batches that hold every example once, similar lengths together, for evaluation and prediction.
BatchPlan plan_by_length(const LabelledSet& set, const BatchOptions& options);

}  // namespace mabert::data
