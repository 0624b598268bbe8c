#include "mabert/ops/attention.h"

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

class AttentionTest : public DeviceTest {
 protected:
  void SetUp() override {
    DeviceTest::SetUp();
    at::globalContext().setDeterministicAlgorithms(true, /*warn_only=*/false);
  }
  void TearDown() override { at::globalContext().setDeterministicAlgorithms(false, /*warn_only=*/false); }
};
INSTANTIATE_TEST_SUITE_P(Devices, AttentionTest, ::testing::ValuesIn(device_cases()), case_name);

struct Problem {
  at::Tensor q, k, v, grad;
};

Problem make_problem(const DeviceCase& where, std::int64_t rows, std::int64_t heads, std::int64_t size) {
  const auto random = [&](std::uint64_t seed) {
    return where.place(random_tensor({rows, heads, size}, seed));
  };
  return {random(1), random(2), random(3), random(4)};
}

struct Result {
  at::Tensor out, dq, dk, dv;
};

Result run(const Problem& p, const SequenceLayout& layout, const ops::AttentionWindow& window) {
  const at::Tensor q = p.q.detach().requires_grad_(), k = p.k.detach().requires_grad_();
  const at::Tensor v = p.v.detach().requires_grad_();
  const at::Tensor out = ops::attention(q, k, v, layout, window);
  out.backward(p.grad);
  return {out.detach(), q.grad(), k.grad(), v.grad()};
}

void expect_close(const Result& actual, const Result& expected, double tolerance) {
  EXPECT_LE(relative_error(actual.out, expected.out), tolerance);
  EXPECT_LE(relative_error(actual.dq, expected.dq), tolerance);
  EXPECT_LE(relative_error(actual.dk, expected.dk), tolerance);
  EXPECT_LE(relative_error(actual.dv, expected.dv), tolerance);
}

void expect_matches(const DeviceCase& where, const SequenceLayout& layout, const ops::AttentionWindow& window,
                    std::int64_t heads = 3, std::int64_t size = 16) {
  const Problem p = make_problem(where, layout.rows(), heads, size);
  const auto widen = [](const at::Tensor& t) {
    return t.to(at::Device(at::kCPU), at::kDouble).requires_grad_();
  };
  const at::Tensor q = widen(p.q), k = widen(p.k), v = widen(p.v);
  const at::Tensor out = reference_attention(q, k, v, layout, window);
  out.backward(widen(p.grad).detach());
  expect_close(run(p, layout.to(where.device), window), {out, q.grad(), k.grad(), v.grad()}, where.tolerance);
}

std::vector<ops::AttentionWindow> windows() {
  return {{},           {.causal = true}, {.left = 3, .right = 2}, {.causal = true, .left = 5},
          {.right = 0}, {.scale = 0.3}};
}

TEST_P(AttentionTest, MatchesReferenceForwardAndBackward) {
  for (const auto& window : windows()) {
    SCOPED_TRACE(::testing::Message() << "causal " << window.causal << " left " << window.left.value_or(-1)
                                      << " right " << window.right.value_or(-1));
    expect_matches(GetParam(), SequenceLayout::ragged(Lengths{0, 1, 2, 31, 127, 5}), window);
  }
  expect_matches(GetParam(), SequenceLayout::ragged(Lengths{500}), {}, 2, 64);
  expect_matches(GetParam(), SequenceLayout::ragged(Lengths{2049}), {}, 1, 8);
}

TEST_P(AttentionTest, PaddedEqualsRaggedWhateverThePadsHold) {
  const DeviceCase& where = GetParam();
  const Lengths lengths{3, 0, 19, 40};
  const auto ragged = SequenceLayout::ragged(lengths);
  const Problem p = make_problem(where, ragged.rows(), 2, 16);
  for (const auto& window : {ops::AttentionWindow{}, ops::AttentionWindow{.left = 3, .right = 1}}) {
    const Result expected = run(p, ragged.to(where.device), window);
    for (const PadSide side : {PadSide::left, PadSide::right, PadSide::holes}) {
      const auto layout = padded_layout(lengths, side, 7);
      for (const double fill : pad_fills()) {
        SCOPED_TRACE(::testing::Message() << "side " << static_cast<int>(side) << " fill " << fill);
        const auto pad = [&](const at::Tensor& x) { return pad_rows(x, layout, fill); };
        const Result actual =
            run({pad(p.q), pad(p.k), pad(p.v), pad(p.grad)}, layout.to(where.device), window);
        const auto rows = [&](const at::Tensor& x) {
          EXPECT_TRUE(pads_are_zero(x, layout));
          return unpad_rows(x, layout);
        };
        expect_close({rows(actual.out), rows(actual.dq), rows(actual.dk), rows(actual.dv)}, expected, 1e-6);
      }
    }
  }
}

TEST_P(AttentionTest, SlackRowsAreZeroWhateverTheyHold) {
  const DeviceCase& where = GetParam();
  const auto layout = SequenceLayout::ragged(Lengths{5, 9}, {.rows = 40, .sequences = 9, .max_length = 16});
  const Problem p = make_problem(where, 14, 2, 16);
  const Result expected = run(p, SequenceLayout::ragged(Lengths{5, 9}).to(where.device), {});
  const auto pad = [&](const at::Tensor& x) {
    return pad_rows(x, layout, std::numeric_limits<double>::quiet_NaN());
  };
  const Result actual = run({pad(p.q), pad(p.k), pad(p.v), pad(p.grad)}, layout.to(where.device), {});
  for (const at::Tensor& x : {actual.out, actual.dq, actual.dk, actual.dv})
    EXPECT_TRUE(pads_are_zero(x, layout));
  expect_close({unpad_rows(actual.out, layout), unpad_rows(actual.dq, layout), unpad_rows(actual.dk, layout),
                unpad_rows(actual.dv, layout)},
               expected, 1e-6);
}

TEST_P(AttentionTest, RepeatsBitForBitWithAnyNumberOfThreadsAndStrides) {
  const DeviceCase& where = GetParam();
  for (const Lengths& lengths : {Lengths{40, 1, 35, 60, 22, 22, 22, 22, 22, 30}, Lengths{300}}) {
    const auto layout = SequenceLayout::ragged(lengths).to(where.device);
    const Problem p = make_problem(where, layout.rows(), 2, 16);
    const Result first = run(p, layout, {});
    at::set_num_threads(2);
    const at::Tensor packed = at::stack({p.q, p.k, p.v}, 1);
    const Problem strided{packed.select(1, 0), packed.select(1, 1), packed.select(1, 2),
                          p.grad.transpose(0, 1).contiguous().transpose(0, 1)};
    for (const Problem& same : {p, strided}) {
      const Result again = run(same, layout, {});
      EXPECT_TRUE(at::equal(first.out, again.out));
      EXPECT_TRUE(at::equal(first.dq, again.dq));
      EXPECT_TRUE(at::equal(first.dk, again.dk));
      EXPECT_TRUE(at::equal(first.dv, again.dv));
    }
    at::set_num_threads(1);
  }
}

TEST(AttentionFiniteDifferenceTest, EveryInput) {
  const auto layout = padded_layout({3, 6}, PadSide::holes, 1);
  const Problem p = make_problem(device_cases()[1], layout.rows(), 2, 3);
  const ops::AttentionWindow window{.left = 2, .right = 1};
  const Result analytic = run(p, layout, window);
  const auto value = [&] {
    return (ops::attention(p.q, p.k, p.v, layout, window) * p.grad).sum().item<double>();
  };
  EXPECT_LE(relative_error(analytic.dq, finite_difference(p.q, value)), 1e-7);
  EXPECT_LE(relative_error(analytic.dk, finite_difference(p.k, value)), 1e-7);
  EXPECT_LE(relative_error(analytic.dv, finite_difference(p.v, value)), 1e-7);
}

TEST(AttentionArgumentsTest, WrongArgumentsAreNamed) {
  const auto layout = SequenceLayout::ragged(Lengths{8});
  const auto message = [&](const at::Tensor& q, const at::Tensor& k,
                           const ops::AttentionWindow& window) -> std::string {
    try {
      ops::attention(q, k, q, layout, window);
    } catch (const UsageError& error) {
      return error.what();
    }
    return "nothing thrown";
  };
  const at::Tensor q = random_tensor({8, 2, 4}, 1);
  EXPECT_EQ(message(q.flatten(1), q, {}), "[attention] q: expected (T, H, K), got (8, 8)");
  EXPECT_EQ(message(q.narrow(0, 0, 7), q, {}), "[attention] q: expected 8 rows, got 7");
  EXPECT_EQ(message(q, q.narrow(1, 0, 1), {}), "[attention] k: expected (8, 2, 4), got (8, 1, 4)");
  EXPECT_EQ(message(q, q.to(at::kFloat), {}), "[attention] k: expected Double, got Float");
  EXPECT_EQ(message(q, q, {.left = -1}), "[attention] left: expected at least 0, got -1");
}

}  // namespace
}  // namespace mabert
