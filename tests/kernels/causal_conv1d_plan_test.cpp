#include "kernels/causal_conv1d/launch_plan.h"

#include <cmath>

#include <gtest/gtest.h>

namespace mabert::kernels {
namespace {

ConvProblem problem_of(std::int64_t rows, std::int64_t channels = 1536, std::int64_t groups = 1) {
  return {.rows = rows,
          .channels = channels,
          .groups = groups,
          .width = 4,
          .dtype = DType::bf16,
          .aligned = true,
          .multiprocessors = 132};
}

std::int64_t block_rows(const ConvPlan& plan) { return std::int64_t{plan.rows_per_warp} * kConvWarps; }

TEST(CausalConv1dPlanTest, BlocksCoverEveryRowAndChannelOnce) {
  for (const ConvTuning& tuning : {kConvForwardTuning, kConvBackwardTuning}) {
    for (const std::int64_t rows : {1, 31, 500, 2049, 16384, 100'000, 2'147'483'646}) {
      for (const std::int64_t channels : {2, 38, 256, 1536, 100'000}) {
        for (const std::int64_t groups : {1, 2}) {
          SCOPED_TRACE(::testing::Message() << rows << " rows, " << channels << " channels, " << groups);
          const ConvPlan plan = plan_convolution(problem_of(rows, channels, groups), tuning);
          EXPECT_EQ(plan.group_channels, channels / groups);
          EXPECT_GE(plan.group_blocks * 32 * plan.vector, plan.group_channels);
          EXPECT_LT((plan.group_blocks - 1) * 32 * plan.vector, plan.group_channels);
          EXPECT_GE(plan.row_blocks * block_rows(plan), rows);
          EXPECT_LT((plan.row_blocks - 1) * block_rows(plan), rows);
          EXPECT_EQ(plan.group_channels % plan.vector, 0);
          EXPECT_EQ(plan.rows_per_warp % plan.taps, 0);
          EXPECT_GE(plan.rows_per_warp, tuning.shortest_walk);
          EXPECT_LT(plan.rows_per_warp, tuning.longest_walk + plan.taps);
        }
      }
    }
  }
}

TEST(CausalConv1dPlanTest, NoRowsNeedNoBlocks) {
  EXPECT_EQ(plan_convolution(problem_of(0), kConvForwardTuning).row_blocks, 0);
}

// A warp for each of the four schedulers of a multiprocessor.
TEST(CausalConv1dPlanTest, OneShortSequenceFillsTheDevice) {
  for (const ConvTuning& tuning : {kConvForwardTuning, kConvBackwardTuning}) {
    const ConvPlan plan = plan_convolution(problem_of(512), tuning);
    EXPECT_GE(plan.row_blocks * plan.group_blocks * kConvWarps, 4 * 132);
  }
}

// A last, nearly empty wave would cost as much as a full one.
TEST(CausalConv1dPlanTest, BlocksComeInFullWaves) {
  for (const ConvTuning& tuning : {kConvForwardTuning, kConvBackwardTuning}) {
    for (const std::int64_t rows : {8'192, 16'384, 32'768, 65'536}) {
      const ConvPlan plan = plan_convolution(problem_of(rows), tuning);
      const double waves =
          static_cast<double>(plan.row_blocks * plan.group_blocks) / (132.0 * tuning.blocks_per_processor);
      EXPECT_GE(waves / std::ceil(waves), 0.85) << rows << " rows";
    }
  }
}

TEST(CausalConv1dPlanTest, KernelFollowsWidthTypeAndAlignment) {
  const ConvProblem usual = problem_of(16384);
  EXPECT_EQ(plan_convolution(usual, kConvForwardTuning).taps, kConvTaps);
  EXPECT_GT(plan_convolution(usual, kConvForwardTuning).vector, 1);
  ConvProblem wide = usual, doubles = usual, unaligned = usual, odd = usual;
  wide.width = 5;
  doubles.dtype = DType::f64;
  unaligned.aligned = false;
  odd.channels = 1537;
  for (const ConvProblem& problem : {wide, doubles, unaligned, odd}) {
    const ConvPlan plan = plan_convolution(problem, kConvForwardTuning);
    EXPECT_EQ(plan.vector, 1);
    EXPECT_EQ(plan.taps,
              problem.width > kConvTaps || problem.dtype == DType::f64 ? kConvGeneralTaps : kConvTaps);
  }
}

}  // namespace
}  // namespace mabert::kernels
