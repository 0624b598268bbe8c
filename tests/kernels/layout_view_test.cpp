#include "kernels/common/layout_view.h"

#include "kernels/common/layout_tensors.h"
#include "support/padding.h"

#include <numeric>
#include <random>
#include <string>
#include <vector>

#include <ATen/core/Tensor.h>
#include <ATen/ops/tensor.h>
#include <gtest/gtest.h>

#include "mabert/core/sequence_layout.h"

namespace mabert::kernels {
namespace {

using mabert::testing::padded_layout;
using mabert::testing::PadSide;
using Lengths = std::vector<std::int64_t>;

// Keeps alive what the view points into, as an operator's arguments do.
struct Viewed {
  explicit Viewed(const SequenceLayout& layout)
      : tensors{layout.offsets(),  layout.begin(),    layout.end(),
                layout.position(), layout.sequence(), layout.order()} {
    if (layout.has_holes()) tensors.push_back(layout.valid());
    view = view_layout(tensors);
  }
  std::vector<at::Tensor> tensors;
  LayoutView view;
};

// What the layout itself says of every row.
std::vector<bool> valid_rows(const SequenceLayout& layout) {
  std::vector<bool> valid(static_cast<std::size_t>(layout.rows()), true);
  if (layout.all_valid()) return valid;
  const at::Tensor mask = layout.row_mask().contiguous();
  for (std::size_t row = 0; row < valid.size(); ++row) valid[row] = mask.const_data_ptr<bool>()[row];
  return valid;
}

void expect_agreement(const SequenceLayout& layout, const Lengths& lengths) {
  const Viewed viewed(layout);
  EXPECT_EQ(viewed.view.rows, layout.rows());
  ASSERT_EQ(viewed.view.sequences, layout.capacity());
  const std::vector<bool> valid = valid_rows(layout);
  for (std::int64_t row = 0; row < layout.rows(); ++row) {
    EXPECT_EQ(is_valid(viewed.view, row), valid[static_cast<std::size_t>(row)]) << "row " << row;
  }
  for (std::int64_t s = 0; s < layout.capacity(); ++s) {
    const bool is_real = s < static_cast<std::int64_t>(lengths.size());
    EXPECT_EQ(count_valid(viewed.view, s), is_real ? lengths[static_cast<std::size_t>(s)] : 0)
        << "sequence " << s;
  }
}

TEST(LayoutViewTest, Ragged) {
  for (const Lengths& lengths : {Lengths{5}, Lengths{3, 0, 2}, Lengths{0, 0, 1, 31, 0, 500, 0}}) {
    expect_agreement(SequenceLayout::ragged(lengths), lengths);
  }
}

TEST(LayoutViewTest, RaggedWithSlack) {
  const Lengths lengths{2, 0, 1, 4};
  expect_agreement(SequenceLayout::ragged(lengths, {.rows = 20, .sequences = 12, .max_length = 4}), lengths);
  // A capacity that happens to be full, and one without a single real row.
  expect_agreement(SequenceLayout::ragged(lengths, {.rows = 7}), lengths);
  expect_agreement(SequenceLayout::ragged(Lengths{0}, {.rows = 6}), Lengths{0});
}

class LayoutViewPaddingTest : public ::testing::TestWithParam<PadSide> {};

TEST_P(LayoutViewPaddingTest, Padded) {
  for (const Lengths& lengths : {Lengths{1}, Lengths{4, 4}, Lengths{7, 0, 1, 3}, Lengths{0, 0}}) {
    for (const std::int64_t extra : {0, 1, 9}) {
      if (lengths.front() == 0 && extra == 0) continue;  // a batch without columns
      expect_agreement(padded_layout(lengths, GetParam(), extra), lengths);
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Sides, LayoutViewPaddingTest,
                         ::testing::Values(PadSide::left, PadSide::right, PadSide::holes),
                         [](const auto& info) {
                           return std::string(info.param == PadSide::left    ? "Left"
                                              : info.param == PadSide::right ? "Right"
                                                                             : "Holes");
                         });

TEST(LayoutViewTest, AnyMask) {
  std::mt19937 random(7);
  for (int repeat = 0; repeat < 50; ++repeat) {
    const int batch = 1 + static_cast<int>(random() % 4), columns = 1 + static_cast<int>(random() % 12);
    std::vector<int> bits(static_cast<std::size_t>(batch * columns));
    for (int& bit : bits) bit = static_cast<int>(random() % 2);
    Lengths lengths;
    for (int s = 0; s < batch; ++s) {
      const auto first = bits.begin() + s * columns;
      lengths.push_back(std::accumulate(first, first + columns, std::int64_t{0}));
    }
    const auto layout =
        SequenceLayout::padded(at::tensor(bits, at::kInt).view({batch, columns}).to(at::kBool));
    expect_agreement(layout, lengths);
    const Viewed viewed(layout);
    for (std::size_t row = 0; row < bits.size(); ++row) {
      EXPECT_EQ(is_valid(viewed.view, static_cast<std::int64_t>(row)), bits[row] != 0) << "row " << row;
    }
  }
}

}  // namespace
}  // namespace mabert::kernels
