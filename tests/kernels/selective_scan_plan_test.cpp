#include "kernels/selective_scan/launch_plan.h"

#include <gtest/gtest.h>

namespace mabert::kernels {
namespace {

ScanShape shape_of(std::int64_t sequences, std::int64_t length, std::int64_t channels = 1536,
                   std::int64_t groups = 1) {
  return {.sequences = sequences,
          .max_length = length,
          .rows = sequences * length,
          .channels = channels,
          .groups = groups,
          .state_size = 16,
          .dtype = DType::bf16,
          .multiprocessors = 132};
}

ForwardPlan forward_plan(const ScanShape& shape) { return plan_forward(shape, 8, false); }

TEST(SelectiveScanPlanTest, OnlyWholeVectorsOfSixteenStatesTakeTheWarpKernels) {
  const ScanShape usual = shape_of(32, 512);
  EXPECT_TRUE(fits_warp_kernels(usual));
  ScanShape other = usual;
  other.state_size = 8;
  EXPECT_FALSE(fits_warp_kernels(other));
  for (const DType type : {DType::f16, DType::f64}) {
    other = usual;
    other.dtype = type;
    EXPECT_FALSE(fits_warp_kernels(other));
  }
  other = shape_of(32, 512, 1540);
  EXPECT_FALSE(fits_warp_kernels(other));
  other.dtype = DType::f32;
  EXPECT_TRUE(fits_warp_kernels(other));
  EXPECT_FALSE(fits_warp_kernels(shape_of(32, 512, 1544, 2)));  // 772 channels a group
}

TEST(SelectiveScanPlanTest, ChunksCoverEverySequence) {
  for (const std::int64_t sequences : {1, 2, 3, 5, 8, 40, 1000, 100'000}) {
    for (const std::int64_t length : {1, 31, 48, 96, 500, 512, 2049, 100'000}) {
      for (const std::int64_t channels : {8, 64, 1536, 8192}) {
        const ScanShape shape = shape_of(sequences, length, channels);
        for (const ChunkPlan& plan :
             {forward_plan(shape).chunks, plan_backward(shape, 8).chunks, plan_backward(shape, 4).chunks}) {
          SCOPED_TRACE(::testing::Message() << sequences << " x " << length << " x " << channels);
          ASSERT_GE(plan.count, 1);
          if (plan.count == 1) continue;
          EXPECT_EQ(plan.rows % kChunkRows, 0);
          EXPECT_GE(plan.count * plan.rows, length);
          EXPECT_LT((plan.count - 1) * plan.rows, length);
          EXPECT_LE(plan.count * sequences * channels * 16 * 4, kMostChunkBytes);
        }
      }
    }
  }
}

TEST(SelectiveScanPlanTest, OneSequenceIsCutUntilItFillsTheDevice) {
  EXPECT_EQ(forward_plan(shape_of(1, 4096)).chunks.count, 16);
  EXPECT_EQ(forward_plan(shape_of(1, 512)).chunks.count, 11);
  EXPECT_EQ(forward_plan(shape_of(1, 512, 3072, 2)).chunks.count,
            11);  // short: up to 16 warps a multiprocessor
  EXPECT_EQ(forward_plan(shape_of(1, 4096, 3072, 2)).chunks.count, 8);
  EXPECT_EQ(plan_backward(shape_of(1, 4096, 3072, 2), 8).chunks.count, 5);
  EXPECT_EQ(plan_backward(shape_of(1, 4096), 8).chunks.count, 11);
  EXPECT_EQ(forward_plan(shape_of(1, 40)).chunks.count, 1);  // too short to cut
}

TEST(SelectiveScanPlanTest, BatchesThatFillTheDeviceAreNotCut) {
  for (const auto& [sequences, length] : {std::pair{8, 4096}, {16, 1024}, {32, 512}, {64, 512}}) {
    EXPECT_EQ(forward_plan(shape_of(sequences, length)).chunks.count, 1);
    EXPECT_EQ(plan_backward(shape_of(sequences, length), 8).chunks.count, 1);
  }
}

// A ragged batch counts by its rows, not by its (perhaps empty) sequences.
TEST(SelectiveScanPlanTest, EmptySequencesDoNotHideALongOne) {
  ScanShape shape = shape_of(64, 4096);
  shape.rows = 4096;
  EXPECT_GT(forward_plan(shape).chunks.count, 1);
  EXPECT_GT(plan_backward(shape, 8).chunks.count, 1);
}

TEST(SelectiveScanPlanTest, LargeBatchesTakeWideTiles) {
  EXPECT_EQ(forward_plan(shape_of(32, 512)).channels, 2);
  EXPECT_EQ(forward_plan(shape_of(64, 512)).channels, 4);
  EXPECT_EQ(forward_plan(shape_of(32, 512, 3072, 2)).channels, 4);
  EXPECT_EQ(plan_backward(shape_of(32, 512), 8).channels, 2);
  EXPECT_EQ(plan_backward(shape_of(32, 512), 4).channels, 4);
}

// States every four rows have only the wide kernel, pads between valid rows only the narrow one.
TEST(SelectiveScanPlanTest, KernelsThatExistAreChosen) {
  for (const std::int64_t sequences : {1, 64}) {
    const ScanShape shape = shape_of(sequences, 512);
    EXPECT_EQ(plan_forward(shape, 4, false).channels, 4);
    EXPECT_EQ(plan_forward(shape, 4, false).chunks.count, 1);
    EXPECT_EQ(plan_forward(shape, 8, true).channels, 2);
  }
}

TEST(SelectiveScanPlanTest, EmptyBatchesHaveAPlan) {
  for (const ScanShape& shape : {shape_of(0, 0), shape_of(4, 0), shape_of(4, 512, 0)}) {
    EXPECT_GE(forward_plan(shape).chunks.count, 1);
    EXPECT_GE(plan_backward(shape, 8).chunks.count, 1);
  }
}

// A capacity's bound on lengths may lie far above its rows.
TEST(SelectiveScanPlanTest, ChunksAreNoLongerThanTheRows) {
  ScanShape shape = shape_of(1, 100'000);
  shape.rows = 512;
  EXPECT_LE(forward_plan(shape).chunks.rows, 48);
}

TEST(SelectiveScanPlanTest, ManySequencesShareSums) {
  EXPECT_EQ(plan_backward(shape_of(40, 512), 8).parts, 40);
  const BackwardPlan plan = plan_backward(shape_of(100'000, 16), 8);
  EXPECT_EQ(plan.parts, kMostScanParts);
  EXPECT_EQ(plan.chunks.count, 1);
}

TEST(SelectiveScanPlanTest, HolesHaveOneInterval) {
  EXPECT_EQ(states_interval(4, false), 4);
  EXPECT_EQ(states_interval(4, true), 8);
  EXPECT_EQ(states_interval(8, false), 8);
}

// The slots of a sequence end before those of the next begin.
TEST(SelectiveScanPlanTest, SlotsOfSequencesDoNotMeet) {
  for (const std::int64_t interval : {4, 8}) {
    std::int64_t offset = 0, s = 0;
    for (const std::int64_t length : {0, 1, 3, 4, 5, 7, 8, 9, 0, 31, 1, 1, 500}) {
      const std::int64_t first = offset / interval + s, used = (length + interval - 1) / interval;
      offset += length, ++s;
      EXPECT_LE(first + used, offset / interval + s) << "length " << length;
    }
    EXPECT_LE(offset / interval + s, states_slots(offset, s, interval));
  }
}

}  // namespace
}  // namespace mabert::kernels
