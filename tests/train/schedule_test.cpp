#include "mabert/train/schedule.h"

#include <cmath>

#include <gtest/gtest.h>

namespace mabert::train {
namespace {

TEST(ScheduleTest, WarmUpRisesFromTheFirstStepToThePeak) {
  for (const auto type : {ScheduleType::linear, ScheduleType::cosine, ScheduleType::constant}) {
    const ScheduleOptions options{.type = type, .warmup_steps = 10};
    EXPECT_DOUBLE_EQ(learning_rate(options, 2.0, 100, 0), 0.2);
    EXPECT_DOUBLE_EQ(learning_rate(options, 2.0, 100, 4), 1.0);
    EXPECT_DOUBLE_EQ(learning_rate(options, 2.0, 100, 9), 2.0);
    EXPECT_DOUBLE_EQ(learning_rate(options, 2.0, 100, 10), 2.0);
  }
}

TEST(ScheduleTest, FallsAsItsTypeSays) {
  const ScheduleOptions linear{.type = ScheduleType::linear, .warmup_steps = 20, .final_fraction = 0.1};
  EXPECT_DOUBLE_EQ(learning_rate(linear, 1.0, 120, 70), 0.55);
  EXPECT_NEAR(learning_rate(linear, 1.0, 120, 119), 0.1 + 0.9 / 100, 1e-12);
  EXPECT_DOUBLE_EQ(learning_rate(linear, 1.0, 120, 500), 0.1);
  const ScheduleOptions cosine{.type = ScheduleType::cosine, .final_fraction = 0.2};
  EXPECT_DOUBLE_EQ(learning_rate(cosine, 1.0, 100, 0), 1.0);
  EXPECT_NEAR(learning_rate(cosine, 1.0, 100, 50), 0.6, 1e-12);
  EXPECT_NEAR(learning_rate(cosine, 1.0, 100, 25), 0.2 + 0.4 * (1 + std::sqrt(0.5)), 1e-12);
  EXPECT_NEAR(learning_rate(cosine, 1.0, 100, 100), 0.2, 1e-12);
  EXPECT_DOUBLE_EQ(learning_rate({.type = ScheduleType::constant}, 1.0, 100, 99), 1.0);
}

TEST(ScheduleTest, WarmUpMayBeAShareOfTheRun) {
  const ScheduleOptions share{.warmup_fraction = 0.06}, steps{.warmup_steps = 13};
  EXPECT_EQ(warmup_steps(share, 210), 13);  // 12.6
  EXPECT_EQ(warmup_steps(steps, 210), 13);
  for (const std::int64_t step : {0, 5, 12, 13, 14, 100, 209}) {
    EXPECT_DOUBLE_EQ(learning_rate(share, 1.0, 210, step), learning_rate(steps, 1.0, 210, step)) << step;
  }
  EXPECT_DOUBLE_EQ(learning_rate({.warmup_fraction = 1.0}, 1.0, 8, 7), 1.0);
  EXPECT_DOUBLE_EQ(learning_rate({.warmup_fraction = 0.0}, 1.0, 8, 0), 1.0);
  EXPECT_FALSE(share.validate() || steps.validate());
  EXPECT_FALSE((ScheduleOptions{.warmup_steps = 5, .warmup_fraction = 0.0}.validate()));
  const auto problem = ScheduleOptions{.warmup_steps = 5, .warmup_fraction = 0.1}.validate();
  ASSERT_TRUE(problem);
  EXPECT_EQ(problem->key, "warmup_fraction");
}

TEST(ScheduleTest, WarmUpLongerThanTheRunStaysFinite) {
  const ScheduleOptions options{.warmup_steps = 100};
  EXPECT_DOUBLE_EQ(learning_rate(options, 1.0, 50, 49), 0.5);
  EXPECT_DOUBLE_EQ(learning_rate({.warmup_steps = 0}, 1.0, 0, 0), 1.0);
}

}  // namespace
}  // namespace mabert::train
