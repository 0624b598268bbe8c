#include "benchmarks/model/model_batch.h"

#include <algorithm>
#include <array>
#include <numeric>
#include <set>

#include <gtest/gtest.h>

#include "mabert/core/error.h"

namespace mabert::bench {
namespace {

TEST(ModelBatchTest, LengthsHoldTheTokensAndOneIsTheLongest) {
  for (const auto& [sequences, tokens, length] :
       {std::array<std::int64_t, 3>{64, 16384, 512}, {43, 16384, 512}, {2, 600, 512}, {320, 16384, 512}}) {
    const std::vector<std::int64_t> lengths = draw_lengths(sequences, tokens, length);
    EXPECT_EQ(static_cast<std::int64_t>(lengths.size()), sequences);
    EXPECT_EQ(std::accumulate(lengths.begin(), lengths.end(), std::int64_t{0}), tokens);
    EXPECT_EQ(*std::max_element(lengths.begin(), lengths.end()), length);
    EXPECT_GE(*std::min_element(lengths.begin(), lengths.end()), 8);
  }
  const std::vector<std::int64_t> half = draw_lengths(64, 16384, 512);
  EXPECT_GT(std::set<std::int64_t>(half.begin(), half.end()).size(), 40U);
}

TEST(ModelBatchTest, NothingToPadMeansEqualLengths) {
  EXPECT_EQ(draw_lengths(4, 256, 64), (std::vector<std::int64_t>{64, 64, 64, 64}));
  EXPECT_EQ(draw_lengths(1, 64, 64), (std::vector<std::int64_t>{64}));
}

TEST(ModelBatchTest, TokensThatDoNotFitAreRefused) {
  EXPECT_THROW(draw_lengths(4, 257, 64), UsageError);
  EXPECT_THROW(draw_lengths(4, 87, 64), UsageError);
  EXPECT_THROW(draw_lengths(0, 0, 64), UsageError);
}

TEST(ModelBatchTest, APaddedBatchHoldsTheTokensOfTheRaggedOneAndPads) {
  const std::vector<std::int64_t> lengths{3, 5, 2};
  const ModelBatch ragged = make_model_batch(lengths, data::BatchLayout::ragged, 100, 1);
  const ModelBatch padded = make_model_batch(lengths, data::BatchLayout::padded, 100, 1);
  EXPECT_TRUE(ragged.layout.all_valid());
  EXPECT_EQ(ragged.token_ids.size(0), 10);
  EXPECT_EQ(padded.token_ids.size(0), 15);
  EXPECT_EQ(padded.layout.num_valid(), 10);
  EXPECT_TRUE(padded.token_ids.masked_select(padded.layout.row_mask()).equal(ragged.token_ids));
  EXPECT_EQ(padded.token_ids.count_nonzero().item<std::int64_t>(), 10);  // the pad is 0
  EXPECT_GE(ragged.token_ids.min().item<std::int64_t>(), 5);             // no special ids
  EXPECT_LT(ragged.token_ids.max().item<std::int64_t>(), 100);
  const ModelBatch other = make_model_batch(lengths, data::BatchLayout::ragged, 100, 2);
  EXPECT_FALSE(other.token_ids.equal(ragged.token_ids));
}

}  // namespace
}  // namespace mabert::bench
