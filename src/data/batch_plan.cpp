#include "mabert/data/batch_plan.h"

#include <algorithm>
#include <string>

#include "mabert/core/error.h"
#include "mabert/core/random.h"

namespace mabert::data {
namespace {

constexpr std::uint64_t kWindow = 65'536;
constexpr std::size_t kOpen = 64;

class Packer {
 public:
  Packer(std::span<const std::int32_t> lengths, const BatchBudget& budget, std::size_t max_open)
      : lengths_(lengths), budget_(budget), max_open_(max_open) {
    if (budget.tokens.has_value() == budget.sequences.has_value()) {
      throw UsageError("batch: expected exactly one of tokens and sequences");
    }
    begins_.push_back(0);
    order_.reserve(lengths.size());
  }

  void add(std::uint64_t sample) {
    const std::int64_t length = lengths_[sample];
    auto place =
        std::find_if(open_.begin(), open_.end(), [&](const Open& open) { return has_room(open, length); });
    if (place == open_.end()) {
      if (!has_room({}, length)) {
        throw DataError("sample " + std::to_string(sample) + ": " + std::to_string(length) +
                        " tokens do not fit in a batch of " + std::to_string(*budget_.tokens) +
                        "; raise batch.tokens or lower samples.max_length");
      }
      if (open_.size() == max_open_) close_fullest();
      place = open_.emplace(open_.end());
    }
    place->samples.push_back(sample);
    place->rows += length;
    place->longest = std::max(place->longest, length);
  }

  void close_all() {
    for (const Open& open : open_) emit(open);
    open_.clear();
  }

  BatchPlan take() {
    close_all();
    return {std::move(order_), std::move(begins_)};
  }

 private:
  struct Open {
    std::vector<std::uint64_t> samples;
    std::int64_t rows = 0, longest = 0;
  };

  std::int64_t cost(const Open& open, std::int64_t added) const {
    const std::int64_t count = static_cast<std::int64_t>(open.samples.size()) + (added > 0 ? 1 : 0);
    return budget_.layout == BatchLayout::padded ? count * std::max(open.longest, added) : open.rows + added;
  }

  bool has_room(const Open& open, std::int64_t length) const {
    const std::int64_t count = static_cast<std::int64_t>(open.samples.size()) + 1;
    if (budget_.sequences) return count <= *budget_.sequences;
    return cost(open, length) <= *budget_.tokens && count <= budget_.max_sequences.value_or(count);
  }

  void close_fullest() {
    const auto fullest = std::max_element(
        open_.begin(), open_.end(), [&](const Open& a, const Open& b) { return cost(a, 0) < cost(b, 0); });
    emit(*fullest);
    open_.erase(fullest);
  }

  void emit(const Open& open) {
    order_.insert(order_.end(), open.samples.begin(), open.samples.end());
    begins_.push_back(order_.size());
  }

  std::span<const std::int32_t> lengths_;
  BatchBudget budget_;
  std::size_t max_open_;
  std::vector<Open> open_;
  std::vector<std::uint64_t> order_, begins_;
};

}  // namespace

BatchPlan make_batch_plan(std::span<const std::int32_t> lengths, const BatchBudget& budget,
                          std::uint64_t seed, std::uint64_t epoch) {
  Packer packer(lengths, budget, budget.tokens ? kOpen : 1);
  const KeyedPermutation permutation(lengths.size(),
                                     derive_key(derive_key(seed, RandomPurpose::data_order), epoch));
  for (std::uint64_t i = 0; i < lengths.size(); ++i) {
    packer.add(permutation(i));
    if (budget.tokens && (i + 1) % kWindow == 0) packer.close_all();
  }
  return packer.take();
}

BatchPlan make_sequential_plan(std::span<const std::int32_t> lengths, const BatchBudget& budget) {
  Packer packer(lengths, budget, /*max_open=*/1);
  for (std::uint64_t i = 0; i < lengths.size(); ++i) packer.add(i);
  return packer.take();
}

}  // namespace mabert::data
