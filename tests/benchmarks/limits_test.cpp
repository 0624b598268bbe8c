#include "benchmarks/harness/limits.h"

#include <gtest/gtest.h>

namespace mabert::bench {
namespace {

TEST(LimitsTest, AShareIsTheLeastTimeOverTheTimeTaken) {
  const Limits limits{.copy_bytes_per_second = 4e12,
                      .matmul_flops = 8e14,
                      .exps_per_second = 4e12,
                      .instructions_per_second = 3e13,
                      .clock_hz = 1.9e9};
  const Shares found = shares({.bytes = 2e8, .exps = 1e8, .instructions = 3e9, .flops = 4e10}, limits, 1e-4);
  EXPECT_DOUBLE_EQ(*found.bandwidth, 0.5);
  EXPECT_DOUBLE_EQ(*found.exponentials, 0.25);
  EXPECT_DOUBLE_EQ(*found.issue, 1.0);
  EXPECT_DOUBLE_EQ(*found.matmul, 0.5);
}

TEST(LimitsTest, WhatIsNotLimitedHasNoShare) {
  const Shares found = shares({.bytes = 1e6}, {.copy_bytes_per_second = 1e10}, 1e-3);
  EXPECT_TRUE(found.bandwidth);
  EXPECT_FALSE(found.exponentials);
  EXPECT_FALSE(found.issue);
  EXPECT_FALSE(found.matmul);
  EXPECT_FALSE(shares({.exps = 1e6}, {.copy_bytes_per_second = 1e10}, 1e-3).exponentials);
}

TEST(LimitsTest, IssueFollowsMultiprocessorsAndClock) {
  EXPECT_DOUBLE_EQ(issue_rate(132, 1.98e9), 128 * 132 * 1.98e9);
}

}  // namespace
}  // namespace mabert::bench
