#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "mabert/data/batch.h"
#include "mabert/data/masking.h"

namespace mabert::data {

class ShardSet;

struct ContextWindowOptions {
  std::vector<std::int64_t> lengths;    ///< visible tokens, [CLS] and [SEP] included; rising
  std::int64_t window = 256;            ///< tokens of a target window (w)
  std::int64_t windows = 0;             ///< so many, evenly spread over all there are; 0: all
  std::int64_t batch_tokens = 1 << 15;  ///< most tokens in a batch; it holds at least one window
  MaskingOptions masking;
  std::uint64_t seed = 0;  ///< of the masks
};

/// The same masked tokens under contexts of different lengths. A target window is a block [kw, (k+1)w) of a
/// document of n tokens, n no less than the longest context. Under a visible length C it stands among C - 2
/// tokens of its document, between [CLS] and [SEP], from
///   min(max(kw - ⌊(C - 2 - w) / 2⌋, 0), n - (C - 2))
/// on: in their middle, moved only where the document ends; so a shorter context is a part of a longer one.
/// Masks are chosen once for each block of each document, whatever is visible of it: text is as densely
/// masked at every length as in training, and a token that is masked under one length is under all. Only the
/// window's own are to be predicted, the same number for each. Threads may share it. Source: own.
class ContextWindows {
 public:
  /// Keeps the shards. Errors: UsageError (lengths, window), DataError when no document is as long as the
  /// longest context.
  ContextWindows(std::shared_ptr<const ShardSet> shards, const ContextWindowOptions& options);

  /// Windows chosen; all that there are.
  std::int64_t size() const { return chosen_; }
  std::int64_t available() const { return static_cast<std::int64_t>(first_window_.back()); }
  /// Documents that the chosen windows stand in.
  std::int64_t documents() const { return used_documents_; }
  /// The document that each chosen window stands in.
  std::vector<std::uint64_t> window_documents() const;
  /// Tokens to predict in each window.
  std::int64_t predicted() const { return masked_count(options_.window, options_.masking); }
  const ContextWindowOptions& options() const { return options_; }
  const ShardSet& shards() const { return *shards_; }

  /// Batches with visible length lengths[length].
  std::int64_t batches(std::size_t length) const;
  /// A ragged batch of the next windows: sequence s is window samples[s]; predicted() rows of each, in order.
  /// Errors: DataError for a token that is not in the shards' vocabulary.
  Batch batch(std::size_t length, std::int64_t index) const;

 private:
  struct Target {
    std::uint64_t document = 0, block = 0;
  };
  Target target(std::int64_t window) const;
  std::int64_t windows_in_batch(std::size_t length) const;
  std::vector<MaskedRow> masks(std::uint64_t document, std::uint64_t block) const;

  std::shared_ptr<const ShardSet> shards_;
  ContextWindowOptions options_;
  std::vector<std::uint64_t> documents_;     // those that are long enough
  std::vector<std::uint64_t> first_window_;  // of each of these, and the number of all windows
  std::int64_t chosen_ = 0, used_documents_ = 0;
};

}  // namespace mabert::data
