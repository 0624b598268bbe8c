#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <span>
#include <utility>
#include <vector>

#include "mabert/config/fields.h"

namespace mabert::data {

enum class BatchLayout { ragged, padded };

/// What a micro-batch may hold; exactly one of `tokens` and `sequences` is given.
struct BatchBudget {
  std::optional<std::int64_t>
      tokens;  ///< rows: the sum of the lengths, or if padded their number times the longest
  std::optional<std::int64_t> sequences;
  BatchLayout layout = BatchLayout::ragged;
  std::optional<std::int64_t> max_sequences;  ///< beside `tokens`
};

/// Which samples each micro-batch of an epoch holds, in order; every sample is in exactly one.
class BatchPlan {
 public:
  BatchPlan(std::vector<std::uint64_t> order, std::vector<std::uint64_t> begins)
      : order_(std::move(order)), begins_(std::move(begins)) {}

  std::uint64_t size() const { return begins_.size() - 1; }
  std::span<const std::uint64_t> micro_batch(std::uint64_t index) const {
    return std::span(order_).subspan(begins_[index], begins_[index + 1] - begins_[index]);
  }

 private:
  std::vector<std::uint64_t> order_, begins_;  // begins_ has the number of samples at its end
};

/// The plan of one epoch, a pure function of its arguments: a keyed permutation of the samples; by
/// `sequences`, each so many are a micro-batch; by `tokens`, in windows of 65,536 each sample goes to the
/// earliest of 64 open micro-batches that has room (when none has, the fullest is closed for a new one),
/// which fills about 98 % of the budget for mixed lengths. Errors: UsageError (budget not as described),
/// DataError (a sample larger than the budget). Source: own.
BatchPlan make_batch_plan(std::span<const std::int32_t> lengths, const BatchBudget& budget,
                          std::uint64_t seed, std::uint64_t epoch);

/// The same in the order of the samples, for validation.
BatchPlan make_sequential_plan(std::span<const std::int32_t> lengths, const BatchBudget& budget);

}  // namespace mabert::data

namespace mabert::config {

template <>
struct EnumNames<data::BatchLayout> {
  static constexpr std::array names{EnumName{"ragged", data::BatchLayout::ragged},
                                    EnumName{"padded", data::BatchLayout::padded}};
};

}  // namespace mabert::config
