#include "kernels/attention_pool/launch_plan.h"

#include <cstdint>
#include <vector>

#include <gtest/gtest.h>

namespace mabert::kernels {
namespace {

constexpr int kForwardRows = PoolForwardBlock::kRows, kBackwardRows = PoolBackwardBlock::kRows;

/// Uses of each slot by the chunks of sequences of these lengths.
std::vector<int> uses_of_slots(const std::vector<std::int64_t>& lengths, int chunk_rows) {
  std::int64_t rows = 0;
  for (const std::int64_t length : lengths) rows += length;
  const auto sequences = static_cast<std::int64_t>(lengths.size());
  std::vector<int> uses(static_cast<std::size_t>(pool_slots(rows, sequences, chunk_rows)));
  std::int64_t first = 0;
  for (std::int64_t s = 0; s < sequences; ++s) {
    const std::int64_t length = lengths[static_cast<std::size_t>(s)];
    const std::int64_t slot = first_pool_slot(first, s, chunk_rows);
    for (std::int64_t c = 0; c * chunk_rows < length; ++c) ++uses.at(static_cast<std::size_t>(slot + c));
    first += length;
  }
  return uses;
}

TEST(AttentionPoolPlanTest, ChunksNeverShareASlot) {
  std::vector<std::vector<std::int64_t>> batches{
      {1}, {0, 0, 5, 0}, {2049}, {31, 32, 33, 63, 64, 65, 127, 128, 129}, {65536, 1, 4096}};
  for (std::int64_t step = 1; step < 40; step += 3) {
    std::vector<std::int64_t>& lengths = batches.emplace_back();
    for (std::int64_t s = 0; s < 200; ++s) lengths.push_back(s * s * step % 211);
  }
  for (const auto& lengths : batches) {
    for (const int chunk_rows : {kForwardRows, kBackwardRows}) {
      std::int64_t chunks = 0, used = 0;
      for (const std::int64_t length : lengths) chunks += (length + chunk_rows - 1) / chunk_rows;
      for (const int uses : uses_of_slots(lengths, chunk_rows)) {
        EXPECT_LE(uses, 1);
        used += uses;
      }
      EXPECT_EQ(used, chunks);
    }
  }
}

// find_pool_chunk looks for the last sequence whose first slot is not behind a slot.
TEST(AttentionPoolPlanTest, FirstSlotsGrow) {
  for (const int chunk_rows : {kForwardRows, kBackwardRows}) {
    EXPECT_EQ(first_pool_slot(0, 0, chunk_rows), 0);
    for (std::int64_t s = 0; s < 300; ++s) {
      const std::int64_t row = s * 7, next = row + s % 3 * 50;
      EXPECT_LT(first_pool_slot(row, s, chunk_rows), first_pool_slot(next, s + 1, chunk_rows));
    }
  }
}

TEST(AttentionPoolPlanTest, PartialSumsStartAtWholeVectors) {
  for (const std::int64_t width : {0, 1, 4, 37, 768}) {
    EXPECT_GE(pool_part_stride(width), width);
    EXPECT_LT(pool_part_stride(width), width + 4);
    EXPECT_EQ(pool_part_stride(width) % 4, 0);
  }
}

}  // namespace
}  // namespace mabert::kernels
