#include "mabert/ops/attention_pool.h"

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

class AttentionPoolTest : public DeviceTest {};
INSTANTIATE_TEST_SUITE_P(Devices, AttentionPoolTest, ::testing::ValuesIn(device_cases()), case_name);

struct Problem {
  at::Tensor x, scores, grad;
};

Problem make_problem(const DeviceCase& where, const SequenceLayout& layout, std::int64_t width) {
  return {where.place(random_tensor({layout.rows(), width}, 1)),
          where.place_sums(random_tensor({layout.rows()}, 2, 3.0)),
          where.place(random_tensor({layout.capacity(), width}, 3))};
}

struct Result {
  at::Tensor out, dx, dscores;
};

Result run(const Problem& p, const SequenceLayout& layout) {
  const at::Tensor x = p.x.detach().requires_grad_(), scores = p.scores.detach().requires_grad_();
  const at::Tensor out = ops::attention_pool(x, scores, layout);
  out.backward(p.grad);
  return {out.detach(), x.grad(), scores.grad()};
}

TEST_P(AttentionPoolTest, MatchesReferenceForwardAndBackward) {
  const DeviceCase& where = GetParam();
  for (const Lengths& lengths : {Lengths{0, 1, 31, 127, 0}, Lengths{500}, Lengths{2049}}) {
    const auto layout = SequenceLayout::ragged(lengths);
    const Problem p = make_problem(where, layout, 37);
    const auto widen = [](const at::Tensor& t) {
      return t.to(at::Device(at::kCPU), at::kDouble).requires_grad_();
    };
    const at::Tensor x = widen(p.x), scores = widen(p.scores), out = reference_pool(x, scores, layout);
    out.backward(widen(p.grad).detach());
    const Result actual = run(p, layout.to(where.device));
    EXPECT_EQ(actual.out.scalar_type(), where.dtype);
    EXPECT_LE(relative_error(actual.out, out), where.tolerance);
    EXPECT_LE(relative_error(actual.dx, x.grad()), where.tolerance);
    EXPECT_LE(relative_error(actual.dscores, scores.grad()), where.tolerance);
  }
}

TEST_P(AttentionPoolTest, PaddedEqualsRaggedWhateverThePadsHold) {
  const DeviceCase& where = GetParam();
  const Lengths lengths{3, 0, 19, 40};
  const auto ragged = SequenceLayout::ragged(lengths);
  const Problem p = make_problem(where, ragged, 12);
  const Result expected = run(p, ragged.to(where.device));
  for (const PadSide side : {PadSide::left, PadSide::right, PadSide::holes}) {
    const auto layout = padded_layout(lengths, side, 7);
    for (const double fill : pad_fills()) {
      const Result actual = run({pad_rows(p.x, layout, fill), pad_rows(p.scores, layout, fill), p.grad},
                                layout.to(where.device));
      EXPECT_LE(relative_error(actual.out, expected.out), 1e-6);
      EXPECT_LE(relative_error(unpad_rows(actual.dx, layout), expected.dx), 1e-6);
      EXPECT_LE(relative_error(unpad_rows(actual.dscores, layout), expected.dscores), 1e-6);
      EXPECT_TRUE(pads_are_zero(actual.dx, layout));
      EXPECT_TRUE(pads_are_zero(actual.dscores, layout));
    }
  }
}

TEST_P(AttentionPoolTest, AnEmptySequenceGivesZeroAndIgnoresItsGradient) {
  const DeviceCase& where = GetParam();
  const auto layout = SequenceLayout::ragged(Lengths{0, 4});
  Problem p = make_problem(where, layout, 5);
  const Result clean = run(p, layout.to(where.device));
  EXPECT_TRUE(clean.out.select(0, 0).eq(0).all().item<bool>());
  p.grad.select(0, 0).fill_(std::numeric_limits<double>::quiet_NaN());
  EXPECT_TRUE(at::equal(run(p, layout.to(where.device)).dx, clean.dx));
}

TEST_P(AttentionPoolTest, RepeatsBitForBitWithAnyNumberOfThreadsAndStrides) {
  const DeviceCase& where = GetParam();
  const auto layout = SequenceLayout::ragged(Lengths{40, 1, 35, 60});
  const Problem p = make_problem(where, layout, 37);
  const Result first = run(p, layout.to(where.device));
  at::set_num_threads(2);
  const Problem strided{p.x.t().contiguous().t(), at::stack({p.scores, p.scores}, 1).select(1, 0),
                        p.grad.t().contiguous().t()};
  for (const Problem& same : {p, strided}) {
    const Result again = run(same, layout.to(where.device));
    EXPECT_TRUE(at::equal(first.out, again.out));
    EXPECT_TRUE(at::equal(first.dx, again.dx));
    EXPECT_TRUE(at::equal(first.dscores, again.dscores));
  }
}

TEST(AttentionPoolFiniteDifferenceTest, EveryInput) {
  const auto layout = padded_layout({3, 6}, PadSide::holes, 1);
  const Problem p = make_problem(device_cases()[1], layout, 4);
  const Result analytic = run(p, layout);
  const auto value = [&] {
    return (ops::attention_pool(p.x, p.scores, layout) * p.grad).sum().item<double>();
  };
  EXPECT_LE(relative_error(analytic.dx, finite_difference(p.x, value)), 1e-7);
  EXPECT_LE(relative_error(analytic.dscores, finite_difference(p.scores, value)), 1e-7);
}

TEST(AttentionPoolArgumentsTest, WrongArgumentsAreNamed) {
  const auto layout = SequenceLayout::ragged(Lengths{8});
  const auto message = [&](const at::Tensor& x, const at::Tensor& scores) -> std::string {
    try {
      ops::attention_pool(x, scores, layout);
    } catch (const UsageError& error) {
      return error.what();
    }
    return "nothing thrown";
  };
  const at::Tensor x = random_tensor({8, 4}, 1), scores = random_tensor({8}, 2);
  EXPECT_EQ(message(x, scores.narrow(0, 0, 7)), "[attention_pool] scores: expected (8), got (7)");
  EXPECT_EQ(message(x, scores.to(at::kFloat)), "[attention_pool] scores: expected Double, got Float");
  EXPECT_EQ(message(x.narrow(0, 0, 3), scores), "[attention_pool] x: expected 8 rows, got 3");
}

}  // namespace
}  // namespace mabert
