#include "benchmarks/harness/statistics.h"

#include <cmath>

#include <gtest/gtest.h>

#include "mabert/core/error.h"

namespace mabert::bench {
namespace {

TEST(StatisticsTest, QuantilesLieBetweenNeighbours) {
  EXPECT_DOUBLE_EQ(quantile({3, 1, 2}, 0.5), 2);
  EXPECT_DOUBLE_EQ(quantile({4, 1, 3, 2}, 0.5), 2.5);
  EXPECT_DOUBLE_EQ(quantile({10, 20}, 0.1), 11);
  EXPECT_DOUBLE_EQ(quantile({7}, 0.9), 7);
  EXPECT_DOUBLE_EQ(quantile({1, 2, 3}, 0), 1);
  EXPECT_DOUBLE_EQ(quantile({1, 2, 3}, 1), 3);
}

TEST(StatisticsTest, SummaryHasMedianAndSpread) {
  std::vector<double> values;
  for (int i = 10; i >= 0; --i) values.push_back(i);
  const Summary summary = summarize(values);
  EXPECT_DOUBLE_EQ(summary.median, 5);
  EXPECT_DOUBLE_EQ(summary.low, 1);
  EXPECT_DOUBLE_EQ(summary.high, 9);
  EXPECT_EQ(summary.samples, 11);
}

TEST(StatisticsTest, OneOutlierDoesNotMoveTheMedian) {
  EXPECT_DOUBLE_EQ(summarize({1, 1, 1, 1, 1000}).median, 1);
}

TEST(StatisticsTest, SpreadHasPercentilesOfTheTail) {
  std::vector<double> values;
  for (int i = 100; i >= 0; --i) values.push_back(i);
  values.back() = 50;  // was 0
  const TimeSpread found = spread(values);
  EXPECT_DOUBLE_EQ(found.p10, 11);
  EXPECT_DOUBLE_EQ(found.p50, 50);
  EXPECT_DOUBLE_EQ(found.p90, 90);
  EXPECT_DOUBLE_EQ(found.p95, 95);
  EXPECT_DOUBLE_EQ(found.p99, 99);
  EXPECT_DOUBLE_EQ(found.mean, 5100.0 / 101);
  EXPECT_EQ(found.samples, 101);
}

TEST(StatisticsTest, ALineIsFoundExactly) {
  const LinearFit fit =
      linear_fit({512, 1024, 2048, 4096}, {3 + 0.5 * 512, 3 + 0.5 * 1024, 3 + 0.5 * 2048, 3 + 0.5 * 4096});
  EXPECT_NEAR(fit.intercept, 3, 1e-9);
  EXPECT_NEAR(fit.slope, 0.5, 1e-12);
  EXPECT_NEAR(fit.r2, 1, 1e-12);
}

TEST(StatisticsTest, R2IsTheShareOfTheVarianceExplained) {
  // Least squares of (0,0) (1,2) (2,1): slope 1/2, intercept 1/2; residuals -1/2, 1, -1/2 of variance 2.
  const LinearFit fit = linear_fit({0, 1, 2}, {0, 2, 1});
  EXPECT_DOUBLE_EQ(fit.slope, 0.5);
  EXPECT_DOUBLE_EQ(fit.intercept, 0.5);
  EXPECT_DOUBLE_EQ(fit.r2, 0.25);
  EXPECT_DOUBLE_EQ(linear_fit({1, 2}, {7, 7}).r2, 1);
}

TEST(StatisticsTest, ALineNeedsTwoPlaces) {
  EXPECT_THROW(linear_fit({1}, {1}), UsageError);
  EXPECT_THROW(linear_fit({1, 2}, {1}), UsageError);
  EXPECT_THROW(linear_fit({3, 3}, {1, 2}), UsageError);
  EXPECT_THROW(linear_fit({1, 2}, {1, std::nan("")}), UsageError);
}

TEST(StatisticsTest, NothingMeasuredIsAnError) {
  EXPECT_THROW(summarize({}), UsageError);
  EXPECT_THROW(spread({}), UsageError);
}

}  // namespace
}  // namespace mabert::bench
