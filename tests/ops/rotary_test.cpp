#include "mabert/ops/rotary.h"

#include "support/device_cases.h"
#include "support/finite_difference.h"
#include "support/references.h"

#include <tuple>

#include <ATen/Parallel.h>
#include <ATen/core/dispatch/Dispatcher.h>
#include <ATen/ops/arange.h>
#include <ATen/ops/equal.h>
#include <ATen/ops/outer.h>
#include <gtest/gtest.h>

#include "mabert/core/error.h"

namespace mabert {
namespace {

using namespace mabert::testing;

class RotaryTest : public DeviceTest {};
INSTANTIATE_TEST_SUITE_P(Devices, RotaryTest, ::testing::ValuesIn(device_cases()), case_name);

at::Tensor make_positions(const std::vector<int>& values) { return at::tensor(values, at::kInt); }

// Positions of two sequences, both from 0 on.
at::Tensor two_sequences(std::int64_t rows) {
  return at::cat({at::arange(rows / 3, at::kInt), at::arange(rows - rows / 3, at::kInt)});
}

at::Tensor turn(const at::Tensor& x, const at::Tensor& positions, double base) {
  const std::int64_t pairs = x.size(2) / 2;
  const at::Tensor exponent = at::arange(pairs, x.options()) * (-std::log(base) / static_cast<double>(pairs));
  const at::Tensor angle = at::outer(positions.to(x.options()), exponent.exp()).unsqueeze(1);  // (T, 1, K/2)
  const auto halves = x.chunk(2, 2);
  return at::cat(
      {halves[0] * angle.cos() - halves[1] * angle.sin(), halves[1] * angle.cos() + halves[0] * angle.sin()},
      2);
}

struct Problem {
  at::Tensor qkv, grad, positions;  // (T, 3, H, K) twice, (T)
  double base = 10000;

  Problem(const DeviceCase& where, const at::Tensor& places, std::int64_t heads, std::int64_t width)
      : qkv(where.place(random_tensor({places.size(0), 3, heads, width}, 1))),
        grad(where.place(random_tensor({places.size(0), 3, heads, width}, 2))),
        positions(places.to(where.device)) {}
};

struct Result {
  at::Tensor out, gradient;  // both (T, 3, H, K)
};

Result run(const Problem& p) {
  const at::Tensor qkv = p.qkv.detach().requires_grad_();
  const auto [q, k, v] = ops::rotary(qkv, p.positions, p.base);
  const at::Tensor out = at::stack({q, k, v}, 1);
  out.backward(p.grad);
  return {out.detach(), qkv.grad()};
}

Result run_reference(const Problem& p) {
  const auto widen = [](const at::Tensor& t) { return t.to(at::Device(at::kCPU), at::kDouble); };
  const at::Tensor qkv = widen(p.qkv).requires_grad_(), positions = p.positions.to(at::Device(at::kCPU));
  const auto parts = qkv.unbind(1);
  const at::Tensor out =
      at::stack({turn(parts[0], positions, p.base), turn(parts[1], positions, p.base), parts[2]}, 1);
  out.backward(widen(p.grad));
  return {out.detach(), qkv.grad()};
}

void expect_close(const Problem& p, const DeviceCase& where, double tolerance) {
  const Result actual = run(p), expected = run_reference(p);
  EXPECT_EQ(actual.out.scalar_type(), where.dtype);
  EXPECT_LE(relative_error(actual.out, expected.out), tolerance);
  EXPECT_LE(relative_error(actual.gradient, expected.gradient), tolerance);
}

TEST_P(RotaryTest, MatchesReferenceForwardAndBackward) {
  const DeviceCase& where = GetParam();
  const std::tuple<int, int, int> shapes[] = {{1, 1, 2},    {31, 3, 6},  {127, 12, 64},
                                              {500, 2, 20}, {9, 2, 528}, {2049, 1, 32}};
  for (const auto& [rows, heads, width] : shapes) {
    SCOPED_TRACE(rows);
    expect_close({where, two_sequences(rows), heads, width}, where, where.tolerance);
  }
  Problem small_base(where, two_sequences(40), 2, 16);
  small_base.base = 1.0;
  expect_close(small_base, where, where.tolerance);
}

TEST_P(RotaryTest, LargePositionsLoseNothing) {
  const DeviceCase& where = GetParam();
  const int largest = 1 << 20;
  const Problem p(where, make_positions({largest, largest - 1, 131071, 70000, 4095, 1}), 4, 64);
  // In double, the reference itself rounds the angle: 2^20 · 1e-16.
  expect_close(p, where, std::max(where.tolerance, 2e-10));
}

TEST_P(RotaryTest, PositionZeroAndTheValuesAreExact) {
  const DeviceCase& where = GetParam();
  const Problem p(where, make_positions({0, 0, 0}), 2, 10);
  const auto [q, k, v] = ops::rotary(p.qkv, p.positions, p.base);
  EXPECT_TRUE(at::equal(q, p.qkv.select(1, 0)));
  EXPECT_TRUE(at::equal(k, p.qkv.select(1, 1)));
  EXPECT_TRUE(v.is_alias_of(p.qkv));
  const Problem moved(where, make_positions({5, 6, 7}), 2, 10);
  const Result result = run(moved);
  EXPECT_TRUE(at::equal(result.out.select(1, 2), moved.qkv.select(1, 2)));
  EXPECT_TRUE(at::equal(result.gradient.select(1, 2), moved.grad.select(1, 2)));
}

TEST_P(RotaryTest, ProductsDependOnDistanceOnly) {
  const DeviceCase& where = GetParam();
  if (where.dtype != at::kDouble) GTEST_SKIP() << "in double only";
  const at::Tensor qkv = where.place(random_tensor({5, 3, 3, 8}, 1));
  const auto product = [&](int shift) {
    const at::Tensor at_q = make_positions({0, 3, 1, 7, 2}).to(where.device) + shift;
    const at::Tensor at_k = make_positions({4, 1, 1, 0, 9}).to(where.device) + shift;
    return (std::get<0>(ops::rotary(qkv, at_q, 100.0)) * std::get<1>(ops::rotary(qkv, at_k, 100.0))).sum(2);
  };
  EXPECT_LE(relative_error(product(37), product(0)), 1e-12);
  EXPECT_GT(relative_error((qkv.select(1, 0) * qkv.select(1, 1)).sum(2), product(0)), 0.1);
}

TEST_P(RotaryTest, StridesAndThreadsDoNotChangeABit) {
  const DeviceCase& where = GetParam();
  const Problem p(where, two_sequences(77), 3, 16);
  const Result first = run(p);
  at::set_num_threads(2);
  const auto like = [](const at::Tensor& x, const at::Tensor& memory) { return memory.copy_(x); };
  const auto options = p.qkv.options();
  // Unaligned rows; channels far apart; rows, parts and heads in another order.
  const auto layouts = {
      at::empty({77, 3, 3, 17}, options).narrow(3, 1, 16),
      at::empty({16, 3, 77, 3}, options).permute({2, 1, 3, 0}),
      at::empty({3, 77, 3, 16}, options).permute({1, 2, 0, 3}),
  };
  for (const at::Tensor& memory : layouts) {
    Problem same = p;
    same.qkv = like(p.qkv, memory);
    same.grad = like(p.grad, at::empty_like(memory, options, at::MemoryFormat::Preserve));
    same.positions = at::stack({p.positions, p.positions}, 1).select(1, 0);
    const Result again = run(same);
    EXPECT_TRUE(at::equal(first.out, again.out));
    EXPECT_TRUE(at::equal(first.gradient, again.gradient));
  }
}

TEST_P(RotaryTest, BackwardOperatorTurnsBack) {
  const DeviceCase& where = GetParam();
  static const auto backward = c10::Dispatcher::singleton()
                                   .findSchemaOrThrow("mabert::rotary_backward", "")
                                   .typed<at::Tensor(const at::Tensor&, const at::Tensor&, const at::Tensor&,
                                                     const at::Tensor&, double)>();
  const Problem p(where, two_sequences(50), 3, 12);
  const auto [q, k, v] = ops::rotary(p.qkv, p.positions, p.base);
  const at::Tensor back = backward.call(q, k, v, p.positions, p.base);
  EXPECT_EQ(back.scalar_type(), where.dtype);
  EXPECT_TRUE(back.is_contiguous());
  EXPECT_LE(relative_error(back, p.qkv), where.tolerance);
  EXPECT_GT(relative_error(at::stack({q, k, v}, 1), p.qkv), 0.5);
}

TEST_P(RotaryTest, AnUnusedPartHasNoGradientAndNoRowsAreFine) {
  const DeviceCase& where = GetParam();
  const Problem p(where, two_sequences(7), 2, 8);
  const at::Tensor qkv = p.qkv.detach().requires_grad_();
  std::get<1>(ops::rotary(qkv, p.positions, p.base)).backward(p.grad.select(1, 1));
  EXPECT_TRUE(qkv.grad().select(1, 0).eq(0).all().item<bool>());
  EXPECT_TRUE(qkv.grad().select(1, 1).ne(0).all().item<bool>());
  EXPECT_TRUE(qkv.grad().select(1, 2).eq(0).all().item<bool>());
  EXPECT_EQ(run({where, two_sequences(0), 2, 8}).gradient.sizes(), at::IntArrayRef({0, 3, 2, 8}));
}

TEST(RotaryFiniteDifferenceTest, EveryPart) {
  const Problem p(device_cases()[1], make_positions({0, 3, 250}), 2, 6);
  const auto value = [&] {
    const auto [q, k, v] = ops::rotary(p.qkv, p.positions, p.base);
    return (at::stack({q, k, v}, 1) * p.grad).sum().item<double>();
  };
  EXPECT_LE(relative_error(run(p).gradient, finite_difference(p.qkv, value)), 1e-7);
}

TEST(RotaryArgumentsTest, WrongArgumentsAreNamed) {
  const auto message = [](const at::Tensor& qkv, const at::Tensor& positions, double base) -> std::string {
    try {
      ops::rotary(qkv, positions, base);
    } catch (const UsageError& error) {
      return error.what();
    }
    return "nothing thrown";
  };
  const at::Tensor qkv = random_tensor({4, 3, 2, 6}, 1), positions = two_sequences(4);
  EXPECT_EQ(message(qkv.select(1, 0), positions, 10), "[rotary] qkv: expected (T, 3, H, K), got (4, 2, 6)");
  EXPECT_EQ(message(qkv.narrow(1, 0, 2), positions, 10), "[rotary] qkv: expected 3 parts, got 2");
  EXPECT_EQ(message(qkv.narrow(3, 0, 5), positions, 10), "[rotary] qkv: expected an even head width, got 5");
  EXPECT_EQ(message(qkv.to(at::kLong), positions, 10),
            "[rotary] qkv: expected float32 or float64 on the CPU, got Long");
  EXPECT_EQ(message(qkv, two_sequences(5), 10), "[rotary] positions: expected (4), got (5)");
  EXPECT_EQ(message(qkv, positions.to(at::kLong), 10), "[rotary] positions: expected Int, got Long");
  EXPECT_EQ(message(qkv, positions, 0.5),
            "[rotary] base: expected a finite number of at least 1, got 0.500000");
}

}  // namespace
}  // namespace mabert
