#include "mabert/ops/causal_conv1d.h"

#include "support/device_cases.h"
#include "support/finite_difference.h"
#include "support/padding.h"
#include "support/references.h"

#include <ATen/Parallel.h>
#include <ATen/ops/equal.h>
#include <gtest/gtest.h>

#include "mabert/core/error.h"

namespace mabert {
namespace {

using namespace mabert::testing;
using Lengths = std::vector<std::int64_t>;

class CausalConv1dTest : public DeviceTest {};
INSTANTIATE_TEST_SUITE_P(Devices, CausalConv1dTest, ::testing::ValuesIn(device_cases()), case_name);

struct Problem {
  at::Tensor x, weight;
  std::optional<at::Tensor> bias;
  at::Tensor grad;
};

Problem make_problem(const DeviceCase& where, std::int64_t rows, std::int64_t channels, std::int64_t width,
                     bool bias) {
  Problem p{where.place(random_tensor({rows, channels}, 1)),
            where.place_sums(random_tensor({channels, width}, 2)),
            {},
            where.place(random_tensor({rows, channels}, 4))};
  if (bias) p.bias = where.place_sums(random_tensor({channels}, 3));
  return p;
}

struct Result {
  at::Tensor out, dx, dweight, dbias;
};

Result run(const Problem& p, const SequenceLayout& layout, const std::vector<bool>& reverse) {
  const at::Tensor x = p.x.detach().requires_grad_(), weight = p.weight.detach().requires_grad_();
  std::optional<at::Tensor> bias;
  if (p.bias) bias = p.bias->detach().requires_grad_();
  const at::Tensor out = ops::causal_conv1d(x, weight, bias, layout, reverse);
  out.backward(p.grad);
  return {out.detach(), x.grad(), weight.grad(), bias ? bias->grad() : at::Tensor()};
}

void expect_matches(const DeviceCase& where, const SequenceLayout& layout, std::int64_t channels,
                    std::int64_t width, const std::vector<bool>& reverse, bool with_bias) {
  const Problem p = make_problem(where, layout.rows(), channels, width, with_bias);
  const auto widen = [](const at::Tensor& t) {
    return t.to(at::Device(at::kCPU), at::kDouble).requires_grad_();
  };
  const at::Tensor x = widen(p.x), weight = widen(p.weight);
  std::optional<at::Tensor> bias;
  if (with_bias) bias = widen(*p.bias);
  const at::Tensor out = reference_conv(x, weight, bias, layout, reverse);
  out.backward(p.grad.to(at::Device(at::kCPU), at::kDouble));
  const Result actual = run(p, layout.to(where.device), reverse);
  EXPECT_LE(relative_error(actual.out, out), where.tolerance);
  EXPECT_LE(relative_error(actual.dx, x.grad()), where.tolerance);
  EXPECT_LE(relative_error(actual.dweight, weight.grad()), where.tolerance);
  if (with_bias) {
    EXPECT_LE(relative_error(actual.dbias, bias->grad()), where.tolerance);
  }
}

TEST_P(CausalConv1dTest, MatchesReferenceForwardAndBackward) {
  for (const auto& reverse : std::vector<std::vector<bool>>{{false}, {true}, {false, true}, {true, false}}) {
    for (const std::int64_t width : {1, 4, 7}) {
      SCOPED_TRACE(::testing::Message() << "groups " << reverse.size() << " width " << width);
      expect_matches(GetParam(), SequenceLayout::ragged(Lengths{0, 1, 2, 31, 127, 3}), 38, width, reverse,
                     width == 4);
    }
  }
  expect_matches(GetParam(), SequenceLayout::ragged(Lengths{500}), 64, 4, {false}, true);
  expect_matches(GetParam(), SequenceLayout::ragged(Lengths{2049}), 5, 4, {true}, true);
  for (const PadSide side : {PadSide::left, PadSide::right, PadSide::holes}) {
    expect_matches(GetParam(), padded_layout({3, 0, 19, 40}, side, 5), 10, 4, {false, true}, true);
  }
}

// Channels in multiples of 16 bytes, whole runs of rows with all their taps, runs cut by sequences, pads and
// halos.
TEST_P(CausalConv1dTest, WideRowsMatchReference) {
  for (const auto& reverse : std::vector<std::vector<bool>>{{false}, {true, false}}) {
    for (const std::int64_t width : {2, 4, 16}) {
      SCOPED_TRACE(::testing::Message() << "groups " << reverse.size() << " width " << width);
      expect_matches(GetParam(), SequenceLayout::ragged(Lengths{0, 31, 1, 2, 200, 3}), 48, width, reverse,
                     true);
    }
  }
  const auto slack =
      SequenceLayout::ragged(Lengths{150, 0, 31}, {.rows = 300, .sequences = {}, .max_length = 150});
  expect_matches(GetParam(), slack, 144, 4, {false, true, true}, true);
  for (const PadSide side : {PadSide::left, PadSide::right, PadSide::holes}) {
    expect_matches(GetParam(), padded_layout({3, 0, 19, 150}, side, 70), 32, 4, {false, true}, true);
  }
}

TEST_P(CausalConv1dTest, NoRowsGiveZeroParameterGradients) {
  const Problem p = make_problem(GetParam(), 0, 16, 4, true);
  const Result actual = run(p, SequenceLayout::ragged(Lengths{0, 0}).to(GetParam().device), {false});
  EXPECT_EQ(actual.out.size(0), 0);
  EXPECT_EQ(actual.dx.size(0), 0);
  EXPECT_TRUE(actual.dweight.eq(0).all().item<bool>());
  EXPECT_TRUE(actual.dbias.eq(0).all().item<bool>());
}

TEST_P(CausalConv1dTest, ParametersMayHaveTheTypeOfTheRows) {
  const DeviceCase& where = GetParam();
  const auto layout = SequenceLayout::ragged(Lengths{40, 9}).to(where.device);
  Problem p = make_problem(where, 49, 32, 4, true);
  p.weight = where.place(p.weight);
  p.bias = where.place(*p.bias);
  Problem wide = p;
  wide.weight = where.place_sums(p.weight);
  wide.bias = where.place_sums(*p.bias);
  const Result actual = run(p, layout, {false}), expected = run(wide, layout, {false});
  EXPECT_TRUE(at::equal(actual.out, expected.out));
  EXPECT_TRUE(at::equal(actual.dx, expected.dx));
  EXPECT_TRUE(at::equal(actual.dweight, where.place(expected.dweight)));
  EXPECT_TRUE(at::equal(actual.dbias, where.place(expected.dbias)));
}

TEST_P(CausalConv1dTest, PadContentIsFree) {
  const DeviceCase& where = GetParam();
  for (const PadSide side : {PadSide::left, PadSide::right, PadSide::holes}) {
    const auto layout = padded_layout({3, 0, 19, 40}, side, 5);
    const Problem ragged = make_problem(where, layout.num_valid(), 12, 4, true);
    std::optional<Result> clean;
    for (const double fill : pad_fills()) {
      SCOPED_TRACE(::testing::Message() << "side " << static_cast<int>(side) << " fill " << fill);
      Problem p = ragged;
      p.x = pad_rows(ragged.x, layout, fill);
      p.grad = pad_rows(ragged.grad, layout, fill);
      const Result actual = run(p, layout.to(where.device), {false, true});
      if (!clean) clean = actual;
      EXPECT_TRUE(at::equal(actual.out, clean->out));
      EXPECT_TRUE(at::equal(actual.dx, clean->dx));
      EXPECT_TRUE(at::equal(actual.dweight, clean->dweight));
      EXPECT_TRUE(at::equal(actual.dbias, clean->dbias));
      EXPECT_TRUE(pads_are_zero(actual.out, layout));
      EXPECT_TRUE(pads_are_zero(actual.dx, layout));
    }
  }
}

TEST_P(CausalConv1dTest, PaddedOnASideEqualsRagged) {
  const DeviceCase& where = GetParam();
  const Lengths lengths{3, 0, 19, 40};
  const Problem p = make_problem(where, 62, 12, 4, true);
  const Result expected = run(p, SequenceLayout::ragged(lengths).to(where.device), {true, false});
  for (const PadSide side : {PadSide::left, PadSide::right}) {
    const auto layout = padded_layout(lengths, side, 5);
    Problem padded = p;
    padded.x = pad_rows(p.x, layout, 1e30);
    padded.grad = pad_rows(p.grad, layout, 1e30);
    const Result actual = run(padded, layout.to(where.device), {true, false});
    EXPECT_TRUE(at::equal(unpad_rows(actual.out, layout), expected.out));
    EXPECT_TRUE(at::equal(unpad_rows(actual.dx, layout), expected.dx));
    EXPECT_LE(relative_error(actual.dweight, expected.dweight), 1e-6);
  }
}

TEST_P(CausalConv1dTest, RepeatsBitForBitWithAnyNumberOfThreadsAndStrides) {
  const DeviceCase& where = GetParam();
  const auto layout = SequenceLayout::ragged(Lengths{400, 1, 350}).to(where.device);
  const Problem p = make_problem(where, 751, 70, 4, true);
  const Result first = run(p, layout, {false});
  at::set_num_threads(2);
  Problem strided = p;
  strided.x = at::cat({p.x, p.x}, 1).narrow(1, 70, 70);
  strided.grad = p.grad.t().contiguous().t();
  strided.weight = p.weight.t().contiguous().t();
  for (const Problem& same : {p, strided}) {
    const Result again = run(same, layout, {false});
    EXPECT_TRUE(at::equal(first.out, again.out));
    EXPECT_TRUE(at::equal(first.dx, again.dx));
    EXPECT_TRUE(at::equal(first.dweight, again.dweight));
    EXPECT_TRUE(at::equal(first.dbias, again.dbias));
  }
}

// One half of a projection's output, as the mixer passes it.
TEST_P(CausalConv1dTest, ColumnsOfAWiderMatrixGiveTheSameBits) {
  const DeviceCase& where = GetParam();
  const auto layout = SequenceLayout::ragged(Lengths{300, 1, 50}).to(where.device);
  const Problem p = make_problem(where, 351, 64, 4, true);
  Problem half = p;
  half.x = at::cat({p.grad, p.x}, 1).narrow(1, 64, 64);
  half.grad = at::cat({p.x, p.grad}, 1).narrow(1, 64, 64);
  const Result expected = run(p, layout, {false, true}), actual = run(half, layout, {false, true});
  EXPECT_TRUE(at::equal(actual.out, expected.out));
  EXPECT_TRUE(at::equal(actual.dx, expected.dx));
  EXPECT_TRUE(at::equal(actual.dweight, expected.dweight));
  EXPECT_TRUE(at::equal(actual.dbias, expected.dbias));
}

TEST(CausalConv1dFiniteDifferenceTest, EveryInput) {
  const auto layout = padded_layout({3, 6}, PadSide::holes, 1);
  const Problem p = make_problem(device_cases()[1], layout.rows(), 4, 3, true);
  const Result analytic = run(p, layout, {true, false});
  const auto value = [&] {
    return (ops::causal_conv1d(p.x, p.weight, p.bias, layout, {true, false}) * p.grad).sum().item<double>();
  };
  EXPECT_LE(relative_error(analytic.dx, finite_difference(p.x, value)), 1e-7);
  EXPECT_LE(relative_error(analytic.dweight, finite_difference(p.weight, value)), 1e-7);
  EXPECT_LE(relative_error(analytic.dbias, finite_difference(*p.bias, value)), 1e-7);
}

TEST(CausalConv1dArgumentsTest, WrongArgumentsAreNamed) {
  const auto layout = SequenceLayout::ragged(Lengths{8});
  const auto message = [&](const at::Tensor& x, const at::Tensor& weight,
                           const std::optional<at::Tensor>& bias,
                           const std::vector<bool>& reverse) -> std::string {
    try {
      ops::causal_conv1d(x, weight, bias, layout, reverse);
    } catch (const UsageError& error) {
      return error.what();
    }
    return "nothing thrown";
  };
  const at::Tensor x = random_tensor({8, 6}, 1), weight = random_tensor({6, 4}, 2);
  EXPECT_EQ(message(x.narrow(0, 0, 7), weight, {}, {false}), "[causal_conv1d] x: expected 8 rows, got 7");
  EXPECT_EQ(message(x, weight.t(), {}, {false}), "[causal_conv1d] weight: expected (6, 6), got (4, 6)");
  EXPECT_EQ(message(x, weight, weight, {false}), "[causal_conv1d] bias: expected (6), got (6, 4)");
  EXPECT_EQ(message(x, weight.to(at::kFloat), {}, {false}),
            "[causal_conv1d] weight: expected Double, got Float");
  EXPECT_EQ(message(x, random_tensor({6, 17}, 2), {}, {false}),
            "[causal_conv1d] weight: expected a width of 1 to 16, got 17");
  EXPECT_EQ(message(x, weight, {}, {}), "[causal_conv1d] reverse: expected 1 to 32 groups, got 0");
}

}  // namespace
}  // namespace mabert
