#include "mabert/train/context_trend.h"

#include <cmath>

#include <gtest/gtest.h>

#include "mabert/core/error.h"

namespace mabert::train {
namespace {

/// Results whose windows have the losses given, length by length.
std::vector<ContextResult> results_of(const std::vector<std::vector<double>>& losses) {
  std::vector<ContextResult> results;
  for (const auto& windows : losses)
    results.push_back({.length = std::int64_t{512} << results.size(), .losses = windows, .accuracies = {}});
  return results;
}

TEST(ContextTrendTest, DifferencesArePairedByWindow) {
  const std::vector<double> base{1, 10, 100}, values{2, 12, 103};
  const Estimate estimate = paired_difference(base, values);
  EXPECT_DOUBLE_EQ(estimate.mean, 2);
  EXPECT_DOUBLE_EQ(estimate.standard_error.value(), 1 / std::sqrt(3.0));  // of 1, 2, 3
  EXPECT_DOUBLE_EQ(paired_difference(values, base).mean, -2);
  const std::vector<double> one{1}, other{3};
  EXPECT_DOUBLE_EQ(paired_difference(one, other).mean, 2);
  EXPECT_FALSE(paired_difference(one, other).standard_error.has_value());
  EXPECT_THROW(paired_difference(one, base), UsageError);
  EXPECT_THROW(paired_difference({}, {}), UsageError);
}

TEST(ContextTrendTest, FallingLossesHaveNoRise) {
  EXPECT_FALSE(find_rise(results_of({{3, 4, 5}, {2, 4, 5}, {2, 4, 5}})).has_value());
  EXPECT_FALSE(find_rise(results_of({{3, 4, 5}})).has_value());
}

TEST(ContextTrendTest, ARiseIsFoundBetweenAnyTwoLengths) {
  // The last is below the first, but clearly above the second.
  const auto rise = find_rise(results_of({{5, 6, 7}, {1, 2, 3.1}, {4, 5, 6}}));
  ASSERT_TRUE(rise.has_value());
  EXPECT_TRUE(rise->is_significant());
  EXPECT_EQ(rise->shorter, 1u);
  EXPECT_EQ(rise->longer, 2u);
  EXPECT_NEAR(rise->difference.mean, 8.9 / 3, 1e-12);
}

TEST(ContextTrendTest, NoiseIsNotSignificant) {
  const auto noise = find_rise(results_of({{1, 2, 3}, {3, 1, 3.5}}));
  ASSERT_TRUE(noise.has_value());
  EXPECT_FALSE(noise->is_significant());
  EXPECT_NEAR(noise->difference.mean, 0.5, 1e-12);
  EXPECT_TRUE(find_rise(results_of({{1}, {1.1}}))->is_significant());  // nothing is known of its error
}

TEST(ContextTrendTest, ASignificantRiseGoesBeforeALargerOne) {
  // From the first to the second by 1 ± 0.8; from the second to the third by less, but without doubt.
  const auto results = results_of({{1, 2, 3}, {4.5, 2, 2.5}, {4.6, 2.11, 2.6}});
  EXPECT_GT(paired_difference(results[0].losses, results[2].losses).mean, 1);
  const auto rise = find_rise(results);
  EXPECT_TRUE(rise->is_significant());
  EXPECT_EQ(rise->shorter, 1u);
  EXPECT_EQ(rise->longer, 2u);
  // And where the larger one is met later.
  const auto early = find_rise(results_of({{1, 2, 3}, {1.1, 2.11, 3.1}, {6, 2, 2.5}}));
  EXPECT_TRUE(early->is_significant());
  EXPECT_EQ(early->shorter, 0u);
  EXPECT_EQ(early->longer, 1u);
}

}  // namespace
}  // namespace mabert::train
