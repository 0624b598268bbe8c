#include "mabert/data/loader.h"

#include "prefetch.h"

#include <algorithm>
#include <numeric>
#include <string>

#include "mabert/core/error.h"

namespace mabert::data {
namespace {

SampleIndex checked_samples(const ShardSet& shards, const SampleOptions& samples,
                            const LoaderContext& context) {
  if (context.world < 1 || context.rank < 0 || context.rank >= context.world) {
    throw UsageError("[loader] rank: expected 0 to " + std::to_string(context.world - 1) + ", got " +
                     std::to_string(context.rank));
  }
  if (context.vocabulary_size && shards.vocabulary_size() > *context.vocabulary_size) {
    throw DataError(shards.directory().string() + ": token ids up to " +
                    std::to_string(shards.vocabulary_size() - 1) + ", but the model has only " +
                    std::to_string(*context.vocabulary_size) +
                    " pieces; set the model's vocabulary size or use the shards of its tokenizer");
  }
  if (context.max_positions && samples.max_length > *context.max_positions) {
    throw DataError("samples.max_length: expected at most the model's " +
                    std::to_string(*context.max_positions) + " positions, got " +
                    std::to_string(samples.max_length) + "; lower it or give the model more");
  }
  return SampleIndex(shards, samples);
}

std::int64_t predicted_rows(const SampleIndex& samples, std::span<const std::uint64_t> chosen,
                            const MaskingOptions& masking) {
  std::int64_t rows = 0;
  for (const std::uint64_t sample : chosen) rows += masked_count(samples[sample].tokens, masking);
  return rows;
}

}  // namespace

MlmLoader::MlmLoader(std::shared_ptr<const ShardSet> shards, const MlmOptions& options,
                     const LoaderContext& context)
    : shards_(std::move(shards)),
      options_(options),
      context_(context),
      samples_(checked_samples(*shards_, options.samples, context)),
      limits_(batch_limits(samples_.lengths(), options.samples, options.batch, options.masking.rate)),
      builder_(*shards_, samples_, options.masking, options.batch.layout, limits_.shape) {
  static_cast<void>(steps_per_epoch(0));
  if (options.batch.prefetch > 0) {
    prefetcher_ = std::make_unique<Prefetcher>(
        [this](LoaderPosition p) { return make(p); }, [this](LoaderPosition p) { return next(p); },
        static_cast<std::size_t>(options.batch.prefetch), static_cast<std::size_t>(options.batch.workers));
  }
}

MlmLoader::~MlmLoader() = default;

std::shared_ptr<const BatchPlan> MlmLoader::plan(std::int64_t epoch) const {
  const std::lock_guard lock(plans_mutex_);
  auto found = plans_.find(epoch);
  if (found == plans_.end()) {
    // Two are in use around the end of an epoch.
    while (plans_.size() > 1)
      plans_.erase(plans_.begin()->first < epoch ? plans_.begin() : std::prev(plans_.end()));
    const auto made = std::make_shared<const BatchPlan>(make_batch_plan(
        samples_.lengths(), limits_.budget, context_.seed, static_cast<std::uint64_t>(epoch)));
    found = plans_.emplace(epoch, made).first;
  }
  return found->second;
}

std::int64_t MlmLoader::steps_per_epoch(std::int64_t epoch) const {
  const std::int64_t batches = static_cast<std::int64_t>(plan(epoch)->size());
  const std::int64_t group = context_.world * options_.batch.accumulation;
  if (batches < group) {
    throw DataError(shards_->directory().string() + ": " + std::to_string(batches) +
                    " micro-batches an epoch are fewer than the " + std::to_string(group) +
                    " of one step (ranks times batch.accumulation); make batches smaller or give more text");
  }
  return batches / group;
}

LoaderPosition MlmLoader::next(LoaderPosition position) const {
  if (position.step + 1 < steps_per_epoch(position.epoch)) return {position.epoch, position.step + 1};
  return {position.epoch + 1, 0};
}

double MlmLoader::fill(std::int64_t epoch) const {
  const double valid = std::accumulate(samples_.lengths().begin(), samples_.lengths().end(), 0.0);
  const BatchOptions& batch = options_.batch;
  const auto budget = batch.tokens ? *batch.tokens : *batch.sequences * options_.samples.max_length;
  return valid / (static_cast<double>(budget) * static_cast<double>(plan(epoch)->size()));
}

StepBatches MlmLoader::step(LoaderPosition position) {
  if (position.epoch < 0 || position.step < 0 || position.step >= steps_per_epoch(position.epoch)) {
    throw UsageError("[loader] step: expected 0 to " +
                     std::to_string(steps_per_epoch(std::max<std::int64_t>(position.epoch, 0)) - 1) +
                     " in epoch " + std::to_string(position.epoch) + ", got " +
                     std::to_string(position.step));
  }
  return prefetcher_ ? prefetcher_->take(position) : make(position);
}

StepBatches MlmLoader::make(LoaderPosition position) const {
  const auto epoch_plan = plan(position.epoch);
  const std::uint64_t key = mask_key(context_.seed, static_cast<std::uint64_t>(position.epoch));
  const std::int64_t group = context_.world * options_.batch.accumulation;
  StepBatches step;
  for (std::int64_t i = 0; i < group; ++i) {
    const auto chosen = epoch_plan->micro_batch(static_cast<std::uint64_t>(position.step * group + i));
    step.predicted_in_step += predicted_rows(samples_, chosen, options_.masking);
    for (const std::uint64_t sample : chosen) step.tokens_in_step += samples_.lengths()[sample];
    if (i % context_.world == context_.rank) step.micro_batches.push_back(builder_.build(chosen, key));
  }
  return step;
}

MlmEvaluation::MlmEvaluation(std::shared_ptr<const ShardSet> shards, const MlmOptions& options,
                             const LoaderContext& context)
    : shards_(std::move(shards)),
      options_(options),
      context_(context),
      samples_(checked_samples(*shards_, options.samples, context)),
      limits_(batch_limits(samples_.lengths(), options.samples, options.batch, options.masking.rate)),
      builder_(*shards_, samples_, options.masking, options.batch.layout, limits_.shape),
      plan_(make_sequential_plan(samples_.lengths(), limits_.budget)) {}

std::int64_t MlmEvaluation::size() const {
  return (static_cast<std::int64_t>(plan_.size()) + context_.world - 1 - context_.rank) / context_.world;
}

Batch MlmEvaluation::batch(std::int64_t index) const {
  if (index < 0 || index >= size()) {
    throw UsageError("[evaluation] batch: expected below " + std::to_string(size()) + ", got " +
                     std::to_string(index));
  }
  const auto chosen = plan_.micro_batch(static_cast<std::uint64_t>(index * context_.world + context_.rank));
  return builder_.build(chosen, mask_key(context_.seed, 0));
}

std::int64_t MlmEvaluation::predicted() const {
  std::int64_t rows = 0;
  for (std::uint64_t i = 0; i < plan_.size(); ++i) {
    rows += predicted_rows(samples_, plan_.micro_batch(i), options_.masking);
  }
  return rows;
}

}  // namespace mabert::data
