#include "mabert/nn/pooling.h"

#include "nn/models.h"

#include <limits>

#include <gtest/gtest.h>

namespace mabert::nn {
namespace {

using namespace testing;

constexpr std::array kTypes{PoolingType::attention, PoolingType::cls, PoolingType::mean, PoolingType::max};
const std::vector<std::int64_t> kLengths{3, 0, 5};

Pooling pooling_of(PoolingType type) {
  Pooling pooling(type, 6);
  randomize(*pooling, ModelOptions{}, 1);
  return pooling;
}

TEST(PoolingTest, MatchesEachDefinition) {
  const at::Tensor x = at::randn({8, 6}), last = x.narrow(0, 3, 5);
  const SequenceLayout layout = SequenceLayout::ragged(kLengths);
  for (const PoolingType type : kTypes) {
    Pooling pooling = pooling_of(type);
    at::Tensor expected;
    if (type == PoolingType::attention) {
      expected = at::mv(last.t(), at::softmax(at::mv(last, pooling->parameters()[0][0]), 0));
    } else if (type == PoolingType::cls) {
      expected = last[0];
    } else if (type == PoolingType::mean) {
      expected = last.mean(0);
    } else {
      expected = last.amax(0);
    }
    EXPECT_LE(difference(pooling(x, layout)[2], expected), 1e-6) << static_cast<int>(type);
  }
}

TEST(PoolingTest, EmptySequencesGiveZeroWithoutGradients) {
  for (const PoolingType type : kTypes) {
    Pooling pooling = pooling_of(type);
    const at::Tensor x = at::randn({8, 6}).requires_grad_();
    const at::Tensor out = pooling(x, SequenceLayout::ragged(kLengths));
    EXPECT_EQ(out[1].count_nonzero().item<std::int64_t>(), 0);
    out[1].sum().backward();
    EXPECT_EQ(x.grad().count_nonzero().item<std::int64_t>(), 0);
  }
}

TEST(PoolingTest, OnlyValidRowsCount) {
  const at::Tensor rows = at::randn({8, 6});
  for (const PoolingType type : kTypes) {
    Pooling pooling = pooling_of(type);
    const at::Tensor leaf = rows.clone().requires_grad_();
    const at::Tensor reference = pooling(leaf, SequenceLayout::ragged(kLengths));
    reference.square().sum().backward();
    const auto reference_gradients = take_gradients(*pooling);
    for (const Pads pads : {Pads::left, Pads::right, Pads::holes}) {
      const SequenceLayout layout = SequenceLayout::padded(pad_mask(kLengths, 9, pads));
      for (const double fill : {std::numeric_limits<double>::quiet_NaN(), 1e30}) {
        at::Tensor x = at::full({layout.rows(), 6}, fill).index_copy(0, layout.compact().to(at::kLong), rows);
        x.requires_grad_();
        const at::Tensor out = pooling(x, layout);
        EXPECT_LE(difference(out, reference), 1e-6);
        out.square().sum().backward();
        const at::Tensor valid = layout.row_mask().unsqueeze(1);
        EXPECT_EQ(x.grad().masked_fill(valid, 0).abs().max().item<double>(), 0);
        EXPECT_LE(difference(x.grad().index_select(0, layout.compact()), leaf.grad()), 1e-5);
        const auto gradients = take_gradients(*pooling);
        ASSERT_EQ(gradients.size(), reference_gradients.size());
        for (auto got = gradients.begin(), expected = reference_gradients.begin(); got != gradients.end();
             ++got, ++expected) {
          EXPECT_LE(difference(got->second, expected->second), 1e-5) << got->first;
        }
      }
    }
  }
}

}  // namespace
}  // namespace mabert::nn
