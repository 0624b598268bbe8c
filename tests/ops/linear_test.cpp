#include "mabert/ops/linear.h"

#include <ATen/TensorOperators.h>
#include <ATen/ops/linear.h>
#include <ATen/ops/randn.h>
#include <gtest/gtest.h>

#include "mabert/core/error.h"

namespace mabert::ops {
namespace {

struct Gradients {
  at::Tensor out, x, weight, bias;
};

// out and the gradients of Σ out · seed, computed by `linear_function`.
template <class Function>
Gradients run(Function linear_function, const at::Tensor& x, const at::Tensor& weight, const at::Tensor& bias,
              const at::Tensor& seed) {
  const auto leaf = [](const at::Tensor& t) {
    return t.defined() ? t.detach().clone().requires_grad_() : at::Tensor();
  };
  const at::Tensor x_leaf = leaf(x), weight_leaf = leaf(weight), bias_leaf = leaf(bias);
  const at::Tensor out = linear_function(x_leaf, weight_leaf, bias_leaf);
  (out * seed).sum().backward();
  return {out.detach(), x_leaf.grad(), weight_leaf.grad(), bias.defined() ? bias_leaf.grad() : at::Tensor()};
}

double relative(const at::Tensor& got, const at::Tensor& expected) {
  return ((got.to(at::kDouble) - expected).norm() / expected.norm().clamp_min(1e-30)).item<double>();
}

TEST(LinearTest, MatchesDoubleForwardAndBackward) {
  for (const auto& [m, k, n] : {std::tuple{300, 96, 64}, {1, 5, 3}, {2049, 33, 70}, {64, 256, 512}}) {
    for (const bool with_bias : {false, true}) {
      SCOPED_TRACE(testing::Message() << m << " " << k << " " << n << " bias " << with_bias);
      const auto x = at::randn({m, k}), weight = at::randn({n, k}), seed = at::randn({m, n});
      const auto bias = with_bias ? at::randn({n}) : at::Tensor();
      const auto wide = [](const at::Tensor& t) { return t.defined() ? t.to(at::kDouble) : t; };
      const auto reference = [](const at::Tensor& a, const at::Tensor& w, const at::Tensor& b) {
        return at::linear(a, w, b);
      };
      const Gradients expected = run(reference, wide(x), wide(weight), wide(bias), wide(seed));
      const Gradients got = run(&ops::linear, x, weight, bias, seed);
      EXPECT_LT(relative(got.out, expected.out), 1e-6);
      EXPECT_LT(relative(got.x, expected.x), 1e-6);
      EXPECT_LT(relative(got.weight, expected.weight), 1e-6);
      if (with_bias) {
        EXPECT_LT(relative(got.bias, expected.bias), 1e-6);
      }
    }
  }
}

TEST(LinearTest, RepeatsBitForBitAndTakesNonContiguousInputs) {
  const auto x = at::randn({96, 700}).t(), weight = at::randn({128, 96}), seed = at::randn({700, 128});
  const Gradients first = run(&ops::linear, x, weight, {}, seed),
                  second = run(&ops::linear, x, weight, {}, seed);
  EXPECT_TRUE(first.out.equal(second.out));
  EXPECT_TRUE(first.weight.equal(second.weight));
  EXPECT_LT(relative(first.out, at::linear(x.to(at::kDouble), weight.to(at::kDouble))), 1e-6);
}

TEST(LinearTest, SlicesOfWiderTensorsAreTaken) {
  // Rows that are not next to one another: the shape in which the mixers hand over parts of a projection.
  const auto wide = at::randn({400, 96}), weight = at::randn({512, 32});
  const auto slice = wide.narrow(1, 16, 32), seed = at::randn({400, 512});
  const auto narrow_run = [&](const at::Tensor& x, const at::Tensor& w, const at::Tensor& b) {
    return ops::linear(x.narrow(1, 16, 32), w, b);
  };
  const Gradients sliced = run(narrow_run, wide, weight, {}, seed);
  EXPECT_LT(relative(sliced.out, at::linear(slice.to(at::kDouble), weight.to(at::kDouble))), 1e-6);
  EXPECT_LT(relative(sliced.weight, seed.t().to(at::kDouble).mm(slice.to(at::kDouble))), 1e-6);
}

TEST(LinearTest, EmptyBatchGivesEmptyOutputAndZeroGradients) {
  const Gradients got =
      run(&ops::linear, at::randn({0, 300}), at::randn({5000, 300}), at::randn({5000}), at::randn({0, 5000}));
  EXPECT_EQ(got.out.sizes(), (at::IntArrayRef{0, 5000}));
  EXPECT_EQ(got.weight.abs().sum().item<float>(), 0.0f);
}

TEST(LinearTest, FrozenInputsGetNoGradient) {
  const auto x = at::randn({64, 256}), weight = at::randn({512, 256}).requires_grad_();
  ops::linear(x, weight, {}).sum().backward();
  EXPECT_TRUE(weight.grad().defined());
  EXPECT_FALSE(x.grad().defined());
  const auto frozen = at::randn({512, 256}), rows = at::randn({64, 256}).requires_grad_();
  ops::linear(rows, frozen, {}).sum().backward();
  EXPECT_TRUE(rows.grad().defined());
  EXPECT_FALSE(frozen.grad().defined());
}

TEST(LinearTest, SaysWhichArgumentIsWrong) {
  EXPECT_THROW(ops::linear(at::randn({4, 3}), at::randn({5, 2}), {}), UsageError);
  EXPECT_THROW(ops::linear(at::randn({4, 3}), at::randn({5, 3}), at::randn({4})), UsageError);
}

}  // namespace
}  // namespace mabert::ops
