#include "mabert/data/masking.h"

#include "fixtures.h"

#include <cmath>
#include <numeric>
#include <set>

namespace mabert::data {
namespace {

std::vector<std::int32_t> rows(int count) {
  std::vector<std::int32_t> all(static_cast<std::size_t>(count));
  std::iota(all.begin(), all.end(), 1);
  return all;
}

// |observed − n·p| within four standard deviations of a binomial.
void expect_share(double observed, double n, double p) {
  EXPECT_LE(std::abs(observed - n * p), 4 * std::sqrt(n * p * (1 - p))) << observed / n << " against " << p;
}

TEST(MaskingTest, CountIsExact) {
  const MaskingOptions options;
  EXPECT_EQ(masked_count(0, options), 0);
  EXPECT_EQ(masked_count(1, options), 1);
  EXPECT_EQ(masked_count(9, options), 1);
  EXPECT_EQ(masked_count(10, options), 2);
  EXPECT_EQ(masked_count(510, options), 77);
  EXPECT_EQ(masked_count(7, {.rate = 1.0}), 7);
  for (const int count : {1, 2, 17, 510}) {
    const auto masks = choose_masks(rows(count), options, 1, 2, 400);
    EXPECT_EQ(static_cast<std::int64_t>(masks.size()), masked_count(count, options));
    std::set<std::int32_t> distinct;
    for (const MaskedRow& masked : masks) {
      EXPECT_TRUE(distinct.empty() || masked.row > *distinct.rbegin());
      distinct.insert(masked.row);
      EXPECT_GE(masked.row, 1);
      EXPECT_LE(masked.row, count);
    }
  }
  EXPECT_TRUE(choose_masks({}, options, 1, 2, 400).empty());
}

TEST(MaskingTest, SharesAreThoseAsked) {
  const int length = 60, samples = 20'000;
  for (const MaskingOptions& options :
       {MaskingOptions{}, MaskingOptions{.rate = 0.4, .mask_fraction = 0.5, .random_fraction = 0.3}}) {
    double masked = 0, shown_mask = 0, shown_random = 0;
    std::vector<double> by_row(length + 1), by_id(400);
    for (int s = 0; s < samples; ++s) {
      for (const MaskedRow& row :
           choose_masks(rows(length), options, mask_key(5, 0), static_cast<std::uint64_t>(s), 400)) {
        ++masked;
        ++by_row[static_cast<std::size_t>(row.row)];
        if (!row.shown) continue;
        if (*row.shown == 4) {
          ++shown_mask;
        } else {
          ++shown_random;
          ++by_id[static_cast<std::size_t>(*row.shown)];
        }
      }
    }
    EXPECT_EQ(masked, std::round(options.rate * length) * samples);
    expect_share(shown_mask, masked, options.mask_fraction);
    expect_share(shown_random, masked, options.random_fraction);
    for (int row = 1; row <= length; ++row)
      expect_share(by_row[static_cast<std::size_t>(row)], samples, options.rate);
    for (int id = 0; id < 5; ++id) EXPECT_EQ(by_id[static_cast<std::size_t>(id)], 0);
    double chi2 = 0;
    for (std::size_t id = 5; id < 400; ++id)
      chi2 += std::pow(by_id[id] - shown_random / 395, 2) / (shown_random / 395);
    EXPECT_LT(std::abs(chi2 - 394), 4 * std::sqrt(2 * 394.0));
  }
}

TEST(MaskingTest, DependsOnSeedEpochAndSample) {
  const MaskingOptions options;
  const auto chosen = [&](std::uint64_t seed, std::uint64_t epoch, std::uint64_t sample) {
    std::vector<std::int32_t> result;
    for (const MaskedRow& row : choose_masks(rows(500), options, mask_key(seed, epoch), sample, 400))
      result.push_back(row.row);
    return result;
  };
  EXPECT_EQ(chosen(1, 0, 0), chosen(1, 0, 0));
  EXPECT_NE(chosen(1, 0, 0), chosen(1, 1, 0));
  EXPECT_NE(chosen(1, 0, 0), chosen(2, 0, 0));
  EXPECT_NE(chosen(1, 0, 0), chosen(1, 0, 1));
}

TEST(MaskingTest, FractionsMustFit) {
  EXPECT_FALSE(MaskingOptions{}.validate());
  EXPECT_FALSE((MaskingOptions{.mask_fraction = 0.9, .random_fraction = 0.1}).validate());
  EXPECT_TRUE((MaskingOptions{.mask_fraction = 0.9, .random_fraction = 0.2}).validate());
}

}  // namespace
}  // namespace mabert::data
