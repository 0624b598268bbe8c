#include "benchmarks/harness/statistics.h"

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

TEST(StatisticsTest, NothingMeasuredIsAnError) { EXPECT_THROW(summarize({}), UsageError); }

}  // namespace
}  // namespace mabert::bench
