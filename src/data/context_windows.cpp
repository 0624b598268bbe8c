#include "mabert/data/context_windows.h"

#include "batch_parts.h"

#include <algorithm>
#include <numeric>
#include <span>
#include <string>
#include <utility>

#include "mabert/core/error.h"
#include "mabert/core/random.h"
#include "mabert/data/shard_set.h"
#include "mabert/data/tokenizer.h"

namespace mabert::data {
namespace {

constexpr std::int64_t kSpecials = 2;                             // [CLS] and [SEP]
constexpr std::int64_t kMostBatchTokens = std::int64_t{1} << 30;  // rows are counted in int32

void require_options(const ContextWindowOptions& options) {
  if (options.window < 1)
    throw UsageError("[context] window: expected at least 1 token, got " + std::to_string(options.window));
  if (options.windows < 0)
    throw UsageError("[context] windows: expected at least 0, got " + std::to_string(options.windows));
  if (options.batch_tokens < 1 || options.batch_tokens > kMostBatchTokens) {
    throw UsageError("[context] batch_tokens: expected 1 to " + std::to_string(kMostBatchTokens) + ", got " +
                     std::to_string(options.batch_tokens));
  }
  if (options.lengths.empty()) throw UsageError("[context] lengths: expected at least one, got none");
  const std::int64_t least = options.window + kSpecials;
  if (options.lengths.front() < least) {
    throw UsageError("[context] lengths: expected at least " + std::to_string(least) +
                     " tokens (the window, [CLS] and [SEP]), got " + std::to_string(options.lengths.front()));
  }
  for (std::size_t i = 1; i < options.lengths.size(); ++i) {
    if (options.lengths[i] > options.lengths[i - 1]) continue;
    throw UsageError("[context] lengths: expected rising ones, got " + std::to_string(options.lengths[i]) +
                     " after " + std::to_string(options.lengths[i - 1]));
  }
}

}  // namespace

ContextWindows::ContextWindows(std::shared_ptr<const ShardSet> shards, const ContextWindowOptions& options)
    : shards_(std::move(shards)), options_(options), first_window_{0} {
  require_options(options_);
  const auto needed = static_cast<std::uint64_t>(options_.lengths.back() - kSpecials);
  std::uint64_t longest = 0;
  for (std::uint64_t document = 0; document < shards_->documents(); ++document) {
    const std::uint64_t length = shards_->length(document);
    longest = std::max(longest, length);
    if (length < needed) continue;
    documents_.push_back(document);
    first_window_.push_back(first_window_.back() + length / static_cast<std::uint64_t>(options_.window));
  }
  if (documents_.empty()) {
    throw DataError(shards_->directory().string() + ": a context of " +
                    std::to_string(options_.lengths.back()) + " needs a document of at least " +
                    std::to_string(needed) + " tokens, but the longest has " + std::to_string(longest) +
                    "; give shorter lengths, or shards with longer documents");
  }
  chosen_ = options_.windows == 0 ? available() : std::min(options_.windows, available());
  for (std::int64_t i = 0; i < chosen_; ++i) {
    if (i == 0 || target(i).document != target(i - 1).document) ++used_documents_;
  }
}

ContextWindows::Target ContextWindows::target(std::int64_t window) const {
  const auto at = static_cast<std::uint64_t>(window * available() / chosen_);
  const auto after = std::upper_bound(first_window_.begin(), first_window_.end(), at);
  const auto index = static_cast<std::size_t>(after - first_window_.begin()) - 1;
  return {documents_[index], at - first_window_[index]};
}

std::vector<std::uint64_t> ContextWindows::window_documents() const {
  std::vector<std::uint64_t> documents(static_cast<std::size_t>(chosen_));
  for (std::size_t i = 0; i < documents.size(); ++i)
    documents[i] = target(static_cast<std::int64_t>(i)).document;
  return documents;
}

std::int64_t ContextWindows::windows_in_batch(std::size_t length) const {
  return std::max<std::int64_t>(1, options_.batch_tokens / options_.lengths.at(length));
}

std::int64_t ContextWindows::batches(std::size_t length) const {
  const std::int64_t each = windows_in_batch(length);
  return (chosen_ + each - 1) / each;
}

std::vector<MaskedRow> ContextWindows::masks(std::uint64_t document, std::uint64_t block) const {
  const auto window = static_cast<std::uint64_t>(options_.window);
  const std::uint64_t left = shards_->length(document) - block * window;
  std::vector<std::int32_t> rows(std::min(window, left));
  std::iota(rows.begin(), rows.end(), 0);
  return choose_masks(rows, options_.masking, derive_key(mask_key(options_.seed, 0), document), block,
                      shards_->vocabulary_size());
}

Batch ContextWindows::batch(std::size_t length, std::int64_t index) const {
  if (length >= options_.lengths.size() || index < 0 || index >= batches(length)) {
    throw UsageError("[context] batch: there is no batch " + std::to_string(index) + " of length " +
                     std::to_string(length));
  }
  const SpecialIds special;
  const std::int64_t first = index * windows_in_batch(length);
  const std::int64_t count = std::min(windows_in_batch(length), chosen_ - first);
  const std::int64_t rows = options_.lengths[length], visible = rows - kSpecials, window = options_.window;
  Batch batch;
  batch.layout = make_batch_layout(std::vector(static_cast<std::size_t>(count), rows), BatchLayout::ragged,
                                   std::nullopt);
  batch.num_predicted = count * predicted();
  batch.token_ids = filled(count * rows, special.cls);
  batch.segment_ids = filled(count * rows, 0);
  batch.predicted_rows = filled(batch.num_predicted, 0);
  batch.labels = filled(batch.num_predicted, -1);
  auto* ids = batch.token_ids.mutable_data_ptr<std::int32_t>();
  auto* predicted_rows = batch.predicted_rows.mutable_data_ptr<std::int32_t>();
  auto* labels = batch.labels.mutable_data_ptr<std::int32_t>();
  for (std::int64_t i = 0; i < count; ++i) {
    batch.samples.push_back(static_cast<std::uint64_t>(first + i));
    const auto [document, target_block] = target(first + i);
    const auto size = static_cast<std::int64_t>(shards_->length(document));
    const std::int64_t middle = static_cast<std::int64_t>(target_block) * window - (visible - window) / 2;
    const std::int64_t begin = std::clamp<std::int64_t>(middle, 0, size - visible);
    std::int32_t* text = ids + i * rows + 1;
    copy_tokens(*shards_, document, static_cast<std::uint64_t>(begin),
                std::span(text, static_cast<std::size_t>(visible)));
    text[visible] = special.sep;
    for (std::int64_t block = begin / window; block * window < begin + visible; ++block) {
      for (const MaskedRow& masked : masks(document, static_cast<std::uint64_t>(block))) {
        const std::int64_t row = block * window + masked.row - begin;
        if (row < 0 || row >= visible) continue;
        if (block == static_cast<std::int64_t>(target_block)) {
          *predicted_rows++ = static_cast<std::int32_t>(i * rows + 1 + row);
          *labels++ = text[row];
        }
        if (masked.shown) text[row] = *masked.shown;
      }
    }
  }
  return batch;
}

}  // namespace mabert::data
