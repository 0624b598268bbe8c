#pragma once

#include <compare>
#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <vector>

#include "mabert/data/mlm_batch.h"
#include "mabert/data/shard_set.h"

namespace mabert::data {

class Prefetcher;

struct MlmOptions {
  SampleOptions samples;
  MaskingOptions masking;
  BatchOptions batch;
};

/// What a loader is told by the run around it.
struct LoaderContext {
  std::uint64_t seed = 0;
  std::int64_t world = 1, rank = 0;
  /// Of the model, checked against the shards when given.
  std::optional<std::int64_t> vocabulary_size, max_positions;
};

/// Where training stands: the optimizer step to come.
struct LoaderPosition {
  std::int64_t epoch = 0, step = 0;
  auto operator<=>(const LoaderPosition&) const = default;
};

struct StepBatches {
  std::vector<Batch> micro_batches;  ///< this rank's, on the CPU
  std::int64_t predicted_in_step =
      0;  ///< rows to predict, all micro-batches of all ranks: the loss divides by it
  std::int64_t tokens_in_step = 0;  ///< valid rows, likewise
};

/// Masked batches for training. What a step holds is a function of (shards, options, seed, epoch, step,
/// world, rank): rank r of w takes of the epoch's plan the micro-batches k·w + r, `accumulation` of them a
/// step; a last incomplete step is dropped. Steps that follow the one asked for are prepared by other
/// threads, whose errors step() throws. For one caller at a time. Source: own.
class MlmLoader {
 public:
  /// Errors: DataError (tokens beyond the model's vocabulary, samples beyond its positions, too little data
  /// for a step), UsageError (options).
  MlmLoader(std::shared_ptr<const ShardSet> shards, const MlmOptions& options, const LoaderContext& context);
  ~MlmLoader();

  /// Errors: UsageError beyond the epoch's end; what preparing it threw.
  StepBatches step(LoaderPosition position);
  LoaderPosition next(LoaderPosition position) const;
  /// Differs a little between epochs when batches are given in tokens, since samples are packed anew.
  std::int64_t steps_per_epoch(std::int64_t epoch) const;

  std::uint64_t samples() const { return samples_.size(); }
  /// Share of the rows of an epoch's micro-batches that hold valid tokens (budget: tokens, or sequences ·
  /// max_length).
  double fill(std::int64_t epoch) const;
  const ShardSet& shards() const { return *shards_; }
  const MlmOptions& options() const { return options_; }

 private:
  StepBatches make(LoaderPosition position) const;
  std::shared_ptr<const BatchPlan> plan(std::int64_t epoch) const;

  std::shared_ptr<const ShardSet> shards_;
  MlmOptions options_;
  LoaderContext context_;
  SampleIndex samples_;
  BatchLimits limits_;
  MlmBatchBuilder builder_;
  mutable std::mutex plans_mutex_;
  mutable std::map<std::int64_t, std::shared_ptr<const BatchPlan>> plans_;
  std::unique_ptr<Prefetcher> prefetcher_;
};

/// Every sample once, in order, always under the same masks (epoch 0 of `seed`): for validation. Rank r of w
/// has the micro-batches k·w + r; none is dropped. Threads may share it.
class MlmEvaluation {
 public:
  MlmEvaluation(std::shared_ptr<const ShardSet> shards, const MlmOptions& options,
                const LoaderContext& context);

  /// Micro-batches of this rank.
  std::int64_t size() const;
  Batch batch(std::int64_t index) const;
  /// Rows to predict, all ranks.
  std::int64_t predicted() const;
  const ShardSet& shards() const { return *shards_; }

 private:
  std::shared_ptr<const ShardSet> shards_;
  MlmOptions options_;
  LoaderContext context_;
  SampleIndex samples_;
  BatchLimits limits_;
  MlmBatchBuilder builder_;
  BatchPlan plan_;
};

}  // namespace mabert::data
