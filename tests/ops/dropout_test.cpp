#include "mabert/ops/dropout.h"

#include "support/device_cases.h"
#include "support/padding.h"
#include "support/references.h"

#include <ATen/Parallel.h>
#include <ATen/ops/equal.h>
#include <ATen/ops/ones.h>
#include <gtest/gtest.h>

#include "mabert/core/error.h"

namespace mabert {
namespace {

using namespace mabert::testing;
using Lengths = std::vector<std::int64_t>;

class DropoutTest : public DeviceTest {};
INSTANTIATE_TEST_SUITE_P(Devices, DropoutTest, ::testing::ValuesIn(device_cases()), case_name);

ops::DropoutKey make_key(c10::Device device, std::int64_t step, const std::vector<std::int64_t>& samples) {
  return {.seed = 5,
          .module = 2,
          .step = at::full({}, step, at::TensorOptions().dtype(at::kLong).device(device)),
          .samples = at::tensor(samples, at::kLong).to(device)};
}

TEST_P(DropoutTest, DropsAtTheRateAndKeepsTheMean) {
  const DeviceCase& where = GetParam();
  const auto layout = SequenceLayout::ragged(Lengths{400, 100}).to(where.device);
  const at::Tensor x = where.place(at::ones({500, 203}, at::TensorOptions().dtype(at::kDouble)));
  const at::Tensor out = ops::dropout(x, layout, 0.25, make_key(where.device, 0, {3, 4}));
  const double dropped = out.eq(0).to(at::kDouble).mean().item<double>();
  EXPECT_NEAR(dropped, 0.25, 5 * std::sqrt(0.25 * 0.75 / 101500));
  EXPECT_NEAR(out.max().item<double>(), 1.0 / 0.75, 1e-2);
  // No two rows or columns share a mask.
  EXPECT_FALSE(at::equal(out.select(0, 0), out.select(0, 1)));
  EXPECT_FALSE(at::equal(out.select(1, 0), out.select(1, 1)));
  EXPECT_FALSE(at::equal(out.select(1, 0), out.select(1, 4)));
}

TEST_P(DropoutTest, BackwardUsesTheForwardsMaskEvenIfTheStepMovesOn) {
  const DeviceCase& where = GetParam();
  const auto layout = SequenceLayout::ragged(Lengths{30, 7}).to(where.device);
  const at::Tensor x =
      where.place(at::ones({37, 21}, at::TensorOptions().dtype(at::kDouble))).requires_grad_();
  const auto key = make_key(where.device, 8, {3, 4});
  const at::Tensor out = ops::dropout(x, layout, 0.5, key);
  key.step.add_(1);
  out.backward(where.place(at::ones({37, 21}, at::TensorOptions().dtype(at::kDouble))));
  EXPECT_TRUE(at::equal(x.grad(), out.detach()));
}

TEST_P(DropoutTest, TheMaskFollowsTheSampleNotTheBatch) {
  const DeviceCase& where = GetParam();
  const Lengths lengths{5, 0, 12, 9};
  const auto ragged = SequenceLayout::ragged(lengths);
  const at::Tensor x = where.place(random_tensor({26, 10}, 1));
  const auto key = make_key(where.device, 1, {11, 12, 13, 14});
  const at::Tensor expected = ops::dropout(x, ragged.to(where.device), 0.5, key);
  for (const PadSide side : {PadSide::left, PadSide::right, PadSide::holes}) {
    const auto padded = padded_layout(lengths, side, 3);
    for (const double fill : pad_fills()) {
      const at::Tensor leaf = pad_rows(x, padded, fill).requires_grad_();
      const at::Tensor out = ops::dropout(leaf, padded.to(where.device), 0.5, key);
      EXPECT_TRUE(at::equal(unpad_rows(out.detach(), padded), expected));
      EXPECT_TRUE(pads_are_zero(out, padded));
      out.backward(pad_rows(x, padded, fill));
      EXPECT_TRUE(pads_are_zero(leaf.grad(), padded));
      EXPECT_TRUE(at::equal(unpad_rows(leaf.grad(), padded), expected));
    }
  }
  // The last sample alone.
  const at::Tensor alone =
      ops::dropout(x.narrow(0, 17, 9), SequenceLayout::ragged(Lengths{9}).to(where.device), 0.5,
                   make_key(where.device, 1, {14}));
  EXPECT_TRUE(at::equal(alone, expected.narrow(0, 17, 9)));
}

TEST_P(DropoutTest, EveryPartOfTheKeyMatters) {
  const DeviceCase& where = GetParam();
  const auto layout = SequenceLayout::ragged(Lengths{40}).to(where.device);
  const at::Tensor x = where.place(at::ones({40, 16}, at::TensorOptions().dtype(at::kDouble)));
  const auto key = make_key(where.device, 1, {3});
  const at::Tensor base = ops::dropout(x, layout, 0.5, key);
  auto seed = key, module = key;
  seed.seed = 6;
  module.module = 3;
  EXPECT_TRUE(at::equal(ops::dropout(x, layout, 0.5, key), base));
  EXPECT_FALSE(at::equal(ops::dropout(x, layout, 0.5, seed), base));
  EXPECT_FALSE(at::equal(ops::dropout(x, layout, 0.5, module), base));
  EXPECT_FALSE(at::equal(ops::dropout(x, layout, 0.5, make_key(where.device, 2, {3})), base));
  EXPECT_FALSE(at::equal(ops::dropout(x, layout, 0.5, make_key(where.device, 1, {4})), base));
}

TEST_P(DropoutTest, SameElementsOnEveryDeviceAndType) {
  const DeviceCase& where = GetParam();
  const auto layout = SequenceLayout::ragged(Lengths{3, 17});
  const at::Tensor x = at::ones({20, 13}, at::TensorOptions().dtype(at::kFloat));
  const at::Tensor expected = ops::dropout(x, layout, 0.3, make_key(c10::Device(c10::kCPU), 1, {3, 9})).eq(0);
  const at::Tensor out =
      ops::dropout(where.place(x), layout.to(where.device), 0.3, make_key(where.device, 1, {3, 9}));
  EXPECT_TRUE(at::equal(out.eq(0).to(at::Device(at::kCPU)), expected));
}

TEST(DropoutArgumentsTest, RateZeroIsTheInputAndWrongArgumentsAreNamed) {
  const auto layout = SequenceLayout::ragged(Lengths{4});
  const at::Tensor x = random_tensor({4, 3}, 1);
  const auto key = make_key(c10::Device(c10::kCPU), 1, {3});
  EXPECT_TRUE(ops::dropout(x, layout, 0.0, key).is_same(x));
  const auto message = [&](double rate, const ops::DropoutKey& used) -> std::string {
    try {
      ops::dropout(x, layout, rate, used);
    } catch (const UsageError& error) {
      return error.what();
    }
    return "nothing thrown";
  };
  EXPECT_EQ(message(1.0, key), "[dropout] rate: expected at least 0 and below 1, got 1.000000");
  EXPECT_EQ(message(0.5, make_key(c10::Device(c10::kCPU), 1, {3, 4})),
            "[dropout] samples: expected (1), got (2)");
  EXPECT_EQ(message(0.5, {}), "[dropout] step: expected (), got no tensor");
}

}  // namespace
}  // namespace mabert
