#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "mabert/config/fields.h"

namespace mabert::data {

struct MaskingOptions {
  double rate = 0.15;
  double mask_fraction = 0.8;
  double random_fraction = 0.1;

  template <class Self, class Visitor>
  static void visit_fields(Self& self, Visitor& visit) {
    visit("rate", self.rate, config::Range{.low = 0, .high = 1, .low_excluded = true},
          "Share of the tokens to predict.");
    visit("mask_fraction", self.mask_fraction, config::between(0.0, 1.0),
          "Of these, the share shown as [MASK].");
    visit("random_fraction", self.random_fraction, config::between(0.0, 1.0),
          "Of these, the share shown as a random token; the rest is shown as it is.");
  }

  std::optional<config::Problem> validate() const;
};

/// A token to predict: its row in the sample and what stands there instead of it.
struct MaskedRow {
  std::int32_t row = 0;
  std::optional<std::int32_t> shown;  ///< absent: the token itself
};

/// max(1, round(rate · maskable)), 0 if nothing is maskable.
std::int64_t masked_count(std::int64_t maskable, const MaskingOptions& options);

/// Chooses masked_count(maskable_rows.size()) of the rows without replacement, uniformly; each is shown as
/// [MASK], as a uniform ordinary token or as it is. A row's fate depends on (key, sample, row) and its
/// sample's rows only; `key` comes from mask_key. Rows in order. Source: Devlin et al. 2019, section 3.1.
std::vector<MaskedRow> choose_masks(std::span<const std::int32_t> maskable_rows,
                                    const MaskingOptions& options, std::uint64_t key, std::uint64_t sample,
                                    std::int64_t vocabulary_size);

std::uint64_t mask_key(std::uint64_t seed, std::uint64_t epoch);

}  // namespace mabert::data
