#include "mabert/train/context_trend.h"

#include <cmath>
#include <numeric>

#include <gtest/gtest.h>

#include "mabert/core/error.h"

namespace mabert::train {
namespace {

/// Results whose windows have the losses given, length by length; each window in a document of its own unless
/// these are given.
std::vector<ContextResult> results_of(const std::vector<std::vector<double>>& losses,
                                      std::vector<std::uint64_t> documents = {}) {
  if (documents.empty()) {
    documents.resize(losses.front().size());
    std::iota(documents.begin(), documents.end(), 0);
  }
  std::vector<ContextResult> results;
  for (const auto& windows : losses) {
    results.push_back({.length = std::int64_t{512} << results.size(),
                       .losses = windows,
                       .accuracies = {},
                       .documents = documents});
  }
  return results;
}

TEST(ContextTrendTest, DifferencesArePairedByWindow) {
  const auto results = results_of({{1, 10, 100}, {2, 12, 103}});
  const Estimate estimate = paired_difference(results[0], results[1]);
  EXPECT_DOUBLE_EQ(estimate.mean, 2);
  EXPECT_DOUBLE_EQ(estimate.standard_error.value(), 1 / std::sqrt(3.0));  // of 1, 2, 3
  EXPECT_DOUBLE_EQ(paired_difference(results[1], results[0]).mean, -2);
}

TEST(ContextTrendTest, StandardErrorsAreClusteredByDocument) {
  // Differences 1, 2 in one document and 3, 6 in another: mean 3; deviations sum to -3 and 3.
  auto results = results_of({{1, 1, 1, 1}, {2, 3, 4, 7}}, {4, 4, 9, 9});
  Estimate estimate = paired_difference(results[0], results[1]);
  EXPECT_DOUBLE_EQ(estimate.mean, 3);
  EXPECT_DOUBLE_EQ(estimate.standard_error.value(), std::sqrt(2.0 / 1 * (9 + 9)) / 4);  // 1.5
  // Documents need not have as many windows: 1, 2, 3 and 6: sums -3 and 3 again, but of 3 and 1 windows.
  results = results_of({{1, 1, 1, 1}, {2, 3, 4, 7}}, {4, 4, 4, 9});
  EXPECT_DOUBLE_EQ(paired_difference(results[0], results[1]).standard_error.value(), 1.5);
  // One of three documents: sums -2, -1 and 3.
  results = results_of({{1, 1, 1, 1}, {2, 3, 4, 7}}, {1, 2, 3, 3});
  EXPECT_DOUBLE_EQ(paired_difference(results[0], results[1]).standard_error.value(),
                   std::sqrt(3.0 / 2 * (4 + 1 + 9)) / 4);
  results = results_of({{1, 1, 1, 1}, {2, 3, 4, 7}}, {5, 5, 5, 5});
  EXPECT_DOUBLE_EQ(paired_difference(results[0], results[1]).mean, 3);
  EXPECT_FALSE(paired_difference(results[0], results[1]).standard_error.has_value());
}

TEST(ContextTrendTest, WindowsMustBeTheSame) {
  const auto three = results_of({{1, 2, 3}})[0], one = results_of({{1}})[0];
  EXPECT_THROW(paired_difference(one, three), UsageError);
  EXPECT_THROW(paired_difference(results_of({{}})[0], results_of({{}})[0]), UsageError);
  EXPECT_THROW(paired_difference(three, results_of({{1, 2, 3}}, {0, 1, 1})[0]), UsageError);
}

TEST(ContextTrendTest, TheThresholdGrowsWithThePairsCompared) {
  EXPECT_EQ(compared_pairs(1), 0u);
  EXPECT_EQ(compared_pairs(2), 1u);
  EXPECT_EQ(compared_pairs(4), 6u);
  EXPECT_NEAR(rise_threshold(1), 1.959964, 1e-6);
  EXPECT_NEAR(rise_threshold(3), 2.393980, 1e-6);
  EXPECT_NEAR(rise_threshold(6), 2.638257, 1e-6);
  // 0.213, 1, 1.787: 2.2 standard errors above 0.
  EXPECT_TRUE(find_rise(results_of({{0, 0, 0}, {0.213, 1, 1.787}}))->is_significant());
  const auto rise = find_rise(results_of({{0, 0, 0}, {0.213, 1, 1.787}, {0, 0, 0}}));
  EXPECT_FALSE(rise->is_significant());
  EXPECT_NEAR(rise->difference.mean, 1, 1e-12);
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
  EXPECT_FALSE(find_rise(results_of({{1}, {1.1}}))->is_significant()) << "nothing is known of its error";
}

TEST(ContextTrendTest, ASignificantRiseGoesBeforeALargerOne) {
  // From the first to the second by 1 ± 0.8; from the second to the third by less, but without doubt.
  const auto results = results_of({{1, 2, 3}, {4.5, 2, 2.5}, {4.6, 2.11, 2.6}});
  EXPECT_GT(paired_difference(results[0], results[2]).mean, 1);
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
