#include "mabert/core/sequence_layout.h"

#include <limits>

#include <ATen/ops/full.h>
#include <ATen/ops/tensor.h>
#include <ATen/ops/zeros.h>
#include <gtest/gtest.h>

#include "mabert/core/error.h"

namespace mabert {
namespace {

std::vector<std::int32_t> values(const at::Tensor& t) {
  const at::Tensor dense = t.contiguous();
  return {dense.const_data_ptr<std::int32_t>(), dense.const_data_ptr<std::int32_t>() + dense.numel()};
}
using Ints = std::vector<std::int32_t>;

TEST(SequenceLayoutTest, RaggedWithoutSlackHasNoMask) {
  const std::vector<std::int64_t> lengths{3, 0, 2};
  const auto layout = SequenceLayout::ragged(lengths);
  EXPECT_EQ(layout.rows(), 5);
  EXPECT_EQ(layout.num_sequences(), 3);
  EXPECT_EQ(layout.max_length(), 3);
  EXPECT_TRUE(layout.all_valid());
  EXPECT_FALSE(layout.row_mask().defined());
  EXPECT_EQ(values(layout.offsets()), (Ints{0, 3, 3, 5}));
  EXPECT_EQ(values(layout.begin()), (Ints{0, 3, 3}));
  EXPECT_EQ(values(layout.end()), (Ints{3, 3, 5}));
  EXPECT_EQ(values(layout.position()), (Ints{0, 1, 2, 0, 1}));
  EXPECT_EQ(values(layout.sequence()), (Ints{0, 0, 0, 2, 2}));
}

TEST(SequenceLayoutTest, SlackIsCoveredByEmptySequences) {
  const std::vector<std::int64_t> lengths{2, 1};
  const auto layout = SequenceLayout::ragged(lengths, {.rows = 8, .sequences = 6, .max_length = 2});
  EXPECT_EQ(values(layout.offsets()), (Ints{0, 2, 3, 5, 7, 8, 8}));
  EXPECT_EQ(values(layout.begin()), (Ints{0, 2, 3, 5, 7, 8}));
  EXPECT_EQ(values(layout.end()), (Ints{2, 3, 3, 5, 7, 8}));
  EXPECT_EQ(layout.num_sequences(), 2);
  EXPECT_EQ(layout.num_valid(), 3);
  EXPECT_FALSE(layout.has_holes());
  EXPECT_EQ(values(layout.compact()), (Ints{0, 1, 2}));
  EXPECT_EQ(values(layout.compact_offsets()), (Ints{0, 2, 3, 3, 3, 3, 3}));
}

TEST(SequenceLayoutTest, OrderIsFromTheLongestSpanToTheShortest) {
  const std::vector<std::int64_t> lengths{2, 5, 0, 5, 1};
  EXPECT_EQ(values(SequenceLayout::ragged(lengths).order()), (Ints{1, 3, 0, 4, 2}));
  // Slack has empty spans; of a padded batch the spans count, not the rows.
  const auto slack = SequenceLayout::ragged(lengths, {.rows = 20, .sequences = 8, .max_length = 5});
  EXPECT_EQ(values(slack.order()), (Ints{1, 3, 0, 4, 2, 5, 6, 7}));
  const auto mask = at::tensor({0, 1, 0, 0, 0, 0, 1, 1, 1, 0, 1, 0}, at::kInt).view({3, 4}).to(at::kBool);
  EXPECT_EQ(values(SequenceLayout::padded(mask).order()), (Ints{2, 1, 0}));
}

TEST(SequenceLayoutTest, OverCapacityIsAnError) {
  const std::vector<std::int64_t> lengths{4, 4};
  EXPECT_THROW(SequenceLayout::ragged(lengths, {.rows = 7}), UsageError);
  EXPECT_THROW(SequenceLayout::ragged(lengths, {.max_length = 3}), UsageError);
  EXPECT_THROW(SequenceLayout::ragged(lengths, {.rows = 20, .sequences = 3, .max_length = 4}), UsageError);
  EXPECT_THROW(SequenceLayout::ragged(std::vector<std::int64_t>{-1}), UsageError);
}

TEST(SequenceLayoutTest, PaddedLeftRightAndHoles) {
  const auto mask =
      at::tensor({1, 1, 0, 0, 0, 1, 1, 1, 1, 0, 1, 0, 0, 0, 0, 0}, at::kInt).view({4, 4}).to(at::kBool);
  const auto layout = SequenceLayout::padded(mask);
  EXPECT_TRUE(layout.has_holes());
  EXPECT_EQ(values(layout.begin()), (Ints{0, 5, 8, 12}));
  EXPECT_EQ(values(layout.end()), (Ints{2, 8, 11, 12}));
  EXPECT_EQ(values(layout.compact()), (Ints{0, 1, 5, 6, 7, 8, 10}));
  EXPECT_EQ(values(layout.compact_offsets()), (Ints{0, 2, 5, 7, 7}));
  EXPECT_EQ(values(layout.position()), (Ints{0, 1, 2, 2, 0, 0, 1, 2, 0, 1, 1, 2, 0, 0, 0, 0}));
  EXPECT_TRUE(layout.valid().equal(mask.flatten()));
  const auto right = SequenceLayout::padded(mask.narrow(0, 0, 2));
  EXPECT_FALSE(right.has_holes());
  EXPECT_FALSE(right.valid().defined());
  EXPECT_TRUE(right.row_mask().defined());
}

TEST(SequenceLayoutTest, SelectReplacesRatherThanMultiplies) {
  const auto mask = at::tensor({1, 0}, at::kInt).view({1, 2}).to(at::kBool);
  const auto layout = SequenceLayout::padded(mask);
  const auto x = at::full({2, 3}, std::numeric_limits<float>::quiet_NaN());
  EXPECT_TRUE(layout.select_valid(x)[1].equal(at::zeros({3})));
  EXPECT_TRUE(layout.select_valid(x)[0].isnan().all().item<bool>());
}

TEST(SequenceLayoutTest, OpeningTheMaskKeepsSlackClosed) {
  const auto padded = SequenceLayout::padded(at::zeros({2, 3}, at::kBool)).without_padding_mask();
  EXPECT_TRUE(padded.all_valid());
  const std::vector<std::int64_t> lengths{2};
  const auto ragged = SequenceLayout::ragged(lengths, {.rows = 4}).without_padding_mask();
  EXPECT_EQ(ragged.num_valid(), 2);
}

TEST(SequenceLayoutTest, CopyingKeepsEveryView) {
  const std::vector<std::int64_t> lengths{2, 1};
  const auto layout = SequenceLayout::ragged(lengths, {.rows = 5});
  const auto copy = layout.to(at::Device(at::kCPU));
  EXPECT_EQ(values(copy.position()), values(layout.position()));
  EXPECT_TRUE(copy.row_mask().equal(layout.row_mask()));
  EXPECT_EQ(values(copy.compact_offsets()), values(layout.compact_offsets()));
}

TEST(SequenceLayoutTest, RowsAndPaddedRoundTrip) {
  const auto x = at::zeros({2, 3, 4});
  EXPECT_EQ(to_rows(x).sizes(), (at::IntArrayRef{6, 4}));
  EXPECT_EQ(to_padded(to_rows(x), 2, 3).sizes(), x.sizes());
}

}  // namespace
}  // namespace mabert
