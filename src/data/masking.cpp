#include "mabert/data/masking.h"

#include <algorithm>
#include <cmath>
#include <utility>

#include "mabert/core/random.h"
#include "mabert/data/tokenizer.h"

namespace mabert::data {

std::optional<config::Problem> MaskingOptions::validate() const {
  if (mask_fraction + random_fraction <= 1.0 + 1e-9) return std::nullopt;
  return config::Problem{"random_fraction", "at most 1 together with mask_fraction",
                         std::to_string(mask_fraction + random_fraction)};
}

std::int64_t masked_count(std::int64_t maskable, const MaskingOptions& options) {
  if (maskable <= 0) return 0;
  const auto rounded = static_cast<std::int64_t>(std::llround(options.rate * static_cast<double>(maskable)));
  return std::clamp<std::int64_t>(rounded, 1, maskable);
}

std::uint64_t mask_key(std::uint64_t seed, std::uint64_t epoch) {
  return derive_key(derive_key(seed, RandomPurpose::masking), epoch);
}

std::vector<MaskedRow> choose_masks(std::span<const std::int32_t> maskable_rows,
                                    const MaskingOptions& options, std::uint64_t key, std::uint64_t sample,
                                    std::int64_t vocabulary_size) {
  const SpecialIds special;
  std::vector<std::pair<Philox, std::int32_t>> draws;
  draws.reserve(maskable_rows.size());
  for (const std::int32_t row : maskable_rows) {
    draws.emplace_back(Philox::draw(key, sample, static_cast<std::uint64_t>(row)), row);
  }
  // The rows with the smallest random numbers: a uniform choice of so many.
  const auto count = masked_count(static_cast<std::int64_t>(maskable_rows.size()), options);
  const auto chosen = draws.begin() + count;
  std::nth_element(draws.begin(), chosen, draws.end(), [](const auto& a, const auto& b) {
    return std::pair(a.first.word64(0), a.second) < std::pair(b.first.word64(0), b.second);
  });
  std::sort(draws.begin(), chosen, [](const auto& a, const auto& b) { return a.second < b.second; });

  const std::uint64_t ordinary = static_cast<std::uint64_t>(vocabulary_size - special.first_ordinary);
  std::vector<MaskedRow> masks;
  for (auto at = draws.begin(); at != chosen; ++at) {
    const float kind = uniform_float(at->first.words[2]);
    MaskedRow& masked = masks.emplace_back(MaskedRow{at->second, std::nullopt});
    if (kind < options.mask_fraction) {
      masked.shown = special.mask;
    } else if (kind < options.mask_fraction + options.random_fraction) {
      masked.shown =
          special.first_ordinary + static_cast<std::int32_t>((at->first.words[3] * ordinary) >> 32);
    }
  }
  return masks;
}

}  // namespace mabert::data
