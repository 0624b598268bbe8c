#include "mabert/nn/position_table.h"

#include <cmath>
#include <string>
#include <vector>

#include <ATen/ops/allclose.h>
#include <ATen/ops/equal.h>
#include <ATen/ops/randn.h>
#include <ATen/ops/tensor.h>
#include <ATen/ops/zeros.h>
#include <gtest/gtest.h>

#include "mabert/core/error.h"

namespace mabert::nn {
namespace {

/// Row i of the interpolated table, from the definition, one element at a time.
std::vector<double> interpolated_row(const at::Tensor& table, std::int64_t length, std::int64_t row) {
  const std::int64_t rows = table.size(0);
  const double place =
      static_cast<double>(row) * static_cast<double>(rows - 1) / static_cast<double>(length - 1);
  const auto below = static_cast<std::int64_t>(std::floor(place));
  const double share = place - static_cast<double>(below);
  std::vector<double> values;
  for (std::int64_t c = 0; c < table.size(1); ++c) {
    const double low = table[below][c].item<double>();
    const double high = share > 0 ? table[below + 1][c].item<double>() : low;
    values.push_back((1 - share) * low + share * high);
  }
  return values;
}

TEST(PositionTableTest, TilingRepeatsTheRows) {
  const at::Tensor table = at::tensor({1.f, 2.f, 3.f, 4.f, 5.f, 6.f}).view({3, 2});
  EXPECT_TRUE(at::equal(
      grow_positions(table, 7, PositionGrowth::tile),
      at::tensor({1.f, 2.f, 3.f, 4.f, 5.f, 6.f, 1.f, 2.f, 3.f, 4.f, 5.f, 6.f, 1.f, 2.f}).view({7, 2})));
}

TEST(PositionTableTest, InterpolationKeepsBothEndsAndDividesBetweenThem) {
  const at::Tensor table = at::tensor({0.f, 8.f, 4.f, 0.f}).view({2, 2});
  EXPECT_TRUE(at::equal(grow_positions(table, 5, PositionGrowth::interpolate),
                        at::tensor({0.f, 8.f, 1.f, 6.f, 2.f, 4.f, 3.f, 2.f, 4.f, 0.f}).view({5, 2})));
  const at::Tensor three = at::tensor({0.f, 2.f, 6.f}).view({3, 1});
  EXPECT_TRUE(at::equal(grow_positions(three, 5, PositionGrowth::interpolate),
                        at::tensor({0.f, 1.f, 2.f, 4.f, 6.f}).view({5, 1})));
}

TEST(PositionTableTest, InterpolationMatchesItsDefinitionInDouble) {
  for (const auto& [rows, length] :
       {std::pair<std::int64_t, std::int64_t>{7, 31}, {16, 17}, {31, 127}, {2, 9}}) {
    const at::Tensor table = at::randn({rows, 3}, at::kDouble);
    const at::Tensor grown = grow_positions(table, length, PositionGrowth::interpolate);
    const at::Tensor narrow = grow_positions(table.to(at::kFloat), length, PositionGrowth::interpolate);
    ASSERT_EQ(grown.sizes(), at::IntArrayRef({length, 3}));
    EXPECT_EQ(narrow.scalar_type(), at::kFloat);
    for (std::int64_t i = 0; i < length; ++i) {
      const std::vector<double> expected = interpolated_row(table, length, i);
      for (std::int64_t c = 0; c < 3; ++c) {
        EXPECT_NEAR(grown[i][c].item<double>(), expected[static_cast<std::size_t>(c)], 1e-12) << i;
        EXPECT_NEAR(narrow[i][c].item<double>(), expected[static_cast<std::size_t>(c)], 1e-6) << i;
      }
    }
    EXPECT_TRUE(at::equal(grown[length - 1], table[rows - 1]));
  }
}

TEST(PositionTableTest, OneRowIsRepeatedAndTheSameLengthIsTheSameTable) {
  const at::Tensor one = at::tensor({3.f, 4.f}).view({1, 2});
  for (const PositionGrowth growth : {PositionGrowth::tile, PositionGrowth::interpolate}) {
    EXPECT_TRUE(at::equal(grow_positions(one, 3, growth), one.expand({3, 2})));
    EXPECT_TRUE(grow_positions(one, 1, growth).is_same(one));
  }
}

TEST(PositionTableTest, KeepsTheDtype) {
  const at::Tensor table = at::tensor({1.f, 2.f, 3.f}).view({3, 1}).to(at::kBFloat16);
  for (const PositionGrowth growth : {PositionGrowth::tile, PositionGrowth::interpolate})
    EXPECT_EQ(grow_positions(table, 8, growth).scalar_type(), at::kBFloat16);
}

TEST(PositionTableTest, SaysWhatItCannotDo) {
  const auto message_of = [](std::int64_t rows, std::int64_t length) -> std::string {
    try {
      grow_positions(at::zeros({rows, 2}), length, PositionGrowth::tile);
    } catch (const UsageError& error) {
      return error.what();
    }
    return "nothing thrown";
  };
  EXPECT_NE(message_of(4, 3).find("length: expected at least the table's 4 rows, got 3"), std::string::npos);
  EXPECT_NE(message_of(0, 3).find("at least one row"), std::string::npos);
}

}  // namespace
}  // namespace mabert::nn
