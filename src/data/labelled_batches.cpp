#include "mabert/data/labelled_batches.h"

#include "batch_parts.h"

#include <algorithm>
#include <limits>
#include <numeric>
#include <string>

#include <ATen/ops/full.h>

#include "mabert/core/error.h"
#include "mabert/data/tokenizer.h"

namespace mabert::data {
namespace {

BatchBudget checked_budget(const LabelledSet& set, const BatchOptions& options) {
  if (const auto problem = options.validate()) {
    throw UsageError("batch: expected " + problem->expected + ", got " + problem->got);
  }
  if (options.fixed_shapes) {
    throw UsageError("batch.fixed_shapes: expected false for labelled examples, got true");
  }
  const auto longest = std::max_element(set.lengths().begin(), set.lengths().end());
  if (options.tokens && longest != set.lengths().end() && *options.tokens < *longest) {
    throw UsageError("batch.tokens: expected at least " + std::to_string(*longest) +
                     ", the length of the longest example, got " + std::to_string(*options.tokens));
  }
  return {options.tokens, options.sequences, options.layout, std::nullopt};
}

std::shared_ptr<const LabelledSet> checked_set(std::shared_ptr<const LabelledSet> set) {
  if (set->size() == 0) throw UsageError("[labelled_loader] set: expected examples, got none");
  if (!set->is_labelled()) {
    throw UsageError("[labelled_loader] set: expected a label for every example, got some without");
  }
  return set;
}

// Fills in labels by example (classes, scores) or by word.
class Targets {
 public:
  Targets(const LabelledSet& set, std::span<const Example> examples, LabelledBatch& batch) : batch_(batch) {
    std::int64_t words = 0;
    for (const Example& example : examples) words += static_cast<std::int64_t>(example.word_rows.size());
    const bool by_word = set.kind() == TaskKind::tokens;
    if (by_word) batch.word_rows = filled(words, 0);
    if (set.kind() == TaskKind::regression) {
      batch.scores = at::full({batch.layout.capacity()}, std::numeric_limits<float>::quiet_NaN(),
                              at::TensorOptions().dtype(at::kFloat));
    } else {
      batch.labels = filled(by_word ? words : batch.layout.capacity(), -1);
    }
  }

  // The next example, whose rows begin at `first`.
  void add(const Example& example, std::int32_t first) {
    if (batch_.scores.defined()) {
      if (example.score) batch_.scores.mutable_data_ptr<float>()[next_] = *example.score;
      batch_.predicted += example.score ? 1 : 0;
      ++next_;
    } else if (!batch_.word_rows.defined()) {
      if (example.label) set_label(*example.label);
      ++next_;
    } else {
      for (std::size_t w = 0; w < example.word_rows.size(); ++w, ++next_) {
        batch_.word_rows.mutable_data_ptr<std::int32_t>()[next_] = first + example.word_rows[w];
        if (!example.word_labels.empty()) set_label(example.word_labels[w]);
      }
    }
  }

 private:
  void set_label(std::int32_t label) {
    batch_.labels.mutable_data_ptr<std::int32_t>()[next_] = label;
    ++batch_.predicted;
  }

  LabelledBatch& batch_;
  std::int64_t next_ = 0;
};

}  // namespace

LabelledBatch LabelledBatch::to(c10::Device device) const {
  const auto parts = move_together({token_ids, segment_ids, word_rows, labels, scores}, device);
  LabelledBatch moved = *this;
  moved.layout = layout.to(device);
  moved.token_ids = parts[0];
  moved.segment_ids = parts[1];
  moved.word_rows = parts[2];
  moved.labels = parts[3];
  moved.scores = parts[4];
  return moved;
}

LabelledBatch make_labelled_batch(const LabelledSet& set, std::span<const std::uint64_t> examples,
                                  BatchLayout layout) {
  if (examples.empty()) throw UsageError("[labelled_batch] examples: expected at least one, got none");
  std::vector<Example> chosen;
  std::vector<std::int64_t> lengths;
  for (const std::uint64_t index : examples) {
    chosen.push_back(set[index]);
    lengths.push_back(static_cast<std::int64_t>(chosen.back().ids.size()));
  }
  LabelledBatch batch;
  batch.layout = make_batch_layout(lengths, layout, std::nullopt);
  batch.examples.assign(examples.begin(), examples.end());
  batch.token_ids = filled(batch.layout.rows(), SpecialIds().pad);
  batch.segment_ids = filled(batch.layout.rows(), 0);
  Targets targets(set, chosen, batch);
  auto* ids = batch.token_ids.mutable_data_ptr<std::int32_t>();
  auto* segments = batch.segment_ids.mutable_data_ptr<std::int32_t>();
  for (std::size_t s = 0; s < chosen.size(); ++s) {
    const Example& example = chosen[s];
    const std::int32_t first = batch.layout.host_begin()[s];
    std::copy(example.ids.begin(), example.ids.end(), ids + first);
    std::fill(segments + first + example.second_begin, segments + first + lengths[s], 1);
    targets.add(example, first);
  }
  return batch;
}

LabelledLoader::LabelledLoader(std::shared_ptr<const LabelledSet> set, const BatchOptions& options,
                               std::uint64_t seed)
    : set_(checked_set(std::move(set))),
      options_(options),
      budget_(checked_budget(*set_, options)),
      seed_(seed) {}

std::shared_ptr<const BatchPlan> LabelledLoader::plan(std::int64_t epoch) const {
  if (epoch < 0)
    throw UsageError("[labelled_loader] epoch: expected at least 0, got " + std::to_string(epoch));
  const std::lock_guard lock(mutex_);
  auto found = plans_.find(epoch);
  if (found == plans_.end()) {
    // Two are in use around the end of an epoch.
    while (plans_.size() > 1)
      plans_.erase(plans_.begin()->first < epoch ? plans_.begin() : std::prev(plans_.end()));
    const auto made = std::make_shared<const BatchPlan>(
        make_batch_plan(set_->lengths(), budget_, seed_, static_cast<std::uint64_t>(epoch)));
    found = plans_.emplace(epoch, made).first;
  }
  return found->second;
}

std::int64_t LabelledLoader::steps_per_epoch(std::int64_t epoch) const {
  const auto batches = static_cast<std::int64_t>(plan(epoch)->size());
  return (batches + options_.accumulation - 1) / options_.accumulation;
}

std::vector<LabelledBatch> LabelledLoader::step(std::int64_t epoch, std::int64_t step) const {
  const std::int64_t steps = steps_per_epoch(epoch);
  if (step < 0 || step >= steps) {
    throw UsageError("[labelled_loader] step: expected 0 to " + std::to_string(steps - 1) + " in epoch " +
                     std::to_string(epoch) + ", got " + std::to_string(step));
  }
  const auto epoch_plan = plan(epoch);
  const auto begin = static_cast<std::uint64_t>(step * options_.accumulation);
  const std::uint64_t end =
      std::min(begin + static_cast<std::uint64_t>(options_.accumulation), epoch_plan->size());
  std::vector<LabelledBatch> batches;
  for (std::uint64_t i = begin; i < end; ++i) {
    batches.push_back(make_labelled_batch(*set_, epoch_plan->micro_batch(i), options_.layout));
  }
  return batches;
}

BatchPlan plan_by_length(const LabelledSet& set, const BatchOptions& options) {
  BatchOptions roomy = options;
  // Nothing is trained here: an example longer than a training batch may be.
  if (roomy.tokens && set.size() > 0)
    roomy.tokens =
        std::max<std::int64_t>(*roomy.tokens, *std::max_element(set.lengths().begin(), set.lengths().end()));
  const BatchBudget budget = checked_budget(set, roomy);
  std::vector<std::uint64_t> order(set.size());
  std::iota(order.begin(), order.end(), std::uint64_t{0});
  std::stable_sort(order.begin(), order.end(),
                   [&](std::uint64_t a, std::uint64_t b) { return set.lengths()[a] < set.lengths()[b]; });
  std::vector<std::int32_t> lengths;
  for (const std::uint64_t index : order) lengths.push_back(set.lengths()[index]);
  // Packed in this order, so that begins fit `order` as they are.
  const BatchPlan packed = make_sequential_plan(lengths, budget);
  std::vector<std::uint64_t> begins{0};
  for (std::uint64_t i = 0; i < packed.size(); ++i)
    begins.push_back(begins.back() + packed.micro_batch(i).size());
  return {std::move(order), std::move(begins)};
}

}  // namespace mabert::data
