#include "mabert/train/optimizer.h"

#include <cmath>
#include <limits>
#include <vector>

#include <ATen/ops/empty.h>
#include <ATen/ops/equal.h>
#include <ATen/ops/full.h>
#include <ATen/ops/zeros.h>
#include <gtest/gtest.h>

#include "mabert/core/error.h"
#include "mabert/core/random.h"

namespace mabert::train {
namespace {

constexpr std::uint64_t kGradients = 100;

at::Tensor rate(double value) { return at::full({}, value); }

void fill(const at::Tensor& target, std::uint64_t key, std::uint64_t purpose, double scale) {
  float* data = target.mutable_data_ptr<float>();
  for (std::int64_t i = 0; i < target.numel(); ++i) {
    data[i] =
        static_cast<float>(scale * normal_pair(Philox::draw(key, purpose, static_cast<std::uint64_t>(i)))[0]);
  }
}

/// AdamW element by element in double, written from the algorithm.
struct Reference {
  std::vector<double> value, mean, square;
  explicit Reference(const at::Tensor& start) : mean(start.numel(), 0.0), square(start.numel(), 0.0) {
    for (std::int64_t i = 0; i < start.numel(); ++i) value.push_back(start.const_data_ptr<float>()[i]);
  }
  void step(const std::vector<double>& gradient, const OptimizerOptions& o, double lr, double decay, int t) {
    for (std::size_t i = 0; i < value.size(); ++i) {
      value[i] -= lr * decay * value[i];
      mean[i] = o.beta1 * mean[i] + (1 - o.beta1) * gradient[i];
      square[i] = o.beta2 * square[i] + (1 - o.beta2) * gradient[i] * gradient[i];
      const double m = mean[i] / (1 - std::pow(o.beta1, t)), v = square[i] / (1 - std::pow(o.beta2, t));
      value[i] -= lr * m / (std::sqrt(v) + o.epsilon);
    }
  }
};

class OptimizerTest : public ::testing::Test {
 protected:
  OptimizerTest() {
    for (const auto& [name, shape] :
         {std::pair<const char*, std::vector<std::int64_t>>{"layer.weight", {37, 13}},
          {"layer.bias", {5}},
          {"other.weight", {3, 3}}}) {
      const at::Tensor parameter = at::empty(shape);
      fill(parameter, parameters_.size(), 1, 1.0);
      parameters_.push_back({name, parameter.requires_grad_(true)});
    }
  }
  static bool is_decayed(const std::string& name, const at::Tensor&) { return name.ends_with("weight"); }
  Optimizer make(std::optional<double> clip_norm = std::nullopt) const {
    return Optimizer(options_, clip_norm, parameters_, is_decayed);
  }
  /// Gradients of step t, `scale` large or small; returns them in double.
  std::vector<std::vector<double>> set_gradients(int t, double scale) const {
    std::vector<std::vector<double>> all;
    for (std::size_t p = 0; p < parameters_.size(); ++p) {
      const at::Tensor gradient = parameters_[p].tensor.grad();
      fill(gradient, p, kGradients + static_cast<std::uint64_t>(t), scale);
      all.emplace_back(gradient.const_data_ptr<float>(), gradient.const_data_ptr<float>() + gradient.numel());
    }
    return all;
  }
  OptimizerOptions options_{
      .learning_rate = 0.01, .beta1 = 0.9, .beta2 = 0.99, .epsilon = 1e-6, .weight_decay = 0.3};
  NamedTensors parameters_;
  at::Tensor fine_ = at::zeros({});
};

TEST_F(OptimizerTest, FollowsTheAlgorithmWithDecayGroupsAndClipping) {
  constexpr double kClip = 2.0;
  Optimizer optimizer = make(kClip);
  std::vector<Reference> references;
  for (const NamedTensor& item : parameters_) references.emplace_back(item.tensor);
  for (int t = 1; t <= 20; ++t) {
    auto gradients = set_gradients(t, t % 2 == 0 ? 1.0 : 0.01);
    double norm = 0;
    for (const auto& gradient : gradients) {
      for (const double g : gradient) norm += g * g;
    }
    norm = std::sqrt(norm);
    const double lr = 0.01 * t / 20;
    optimizer.step(rate(lr), fine_);
    EXPECT_NEAR(optimizer.gradient_norm().item<double>(), norm, 1e-5 * norm);
    for (std::size_t p = 0; p < parameters_.size(); ++p) {
      for (double& g : gradients[p]) g /= std::max(1.0, norm / kClip);
      const bool decayed = is_decayed(parameters_[p].name, parameters_[p].tensor);
      references[p].step(gradients[p], options_, lr, decayed ? options_.weight_decay : 0.0, t);
    }
  }
  for (std::size_t p = 0; p < parameters_.size(); ++p) {
    const float* got = parameters_[p].tensor.const_data_ptr<float>();
    for (std::size_t i = 0; i < references[p].value.size(); ++i) {
      ASSERT_NEAR(got[i], references[p].value[i], 2e-5) << parameters_[p].name << " " << i;
    }
  }
}

TEST_F(OptimizerTest, DecaysOnlyTheDecayedGroup) {
  Optimizer optimizer = make();
  const at::Tensor weight = parameters_[0].tensor.detach().clone(),
                   bias = parameters_[1].tensor.detach().clone();
  optimizer.zero_gradients();
  optimizer.step(rate(0.1), fine_);
  EXPECT_TRUE(parameters_[0].tensor.detach().allclose(weight.mul(1 - 0.1 * 0.3)));
  EXPECT_TRUE(at::equal(parameters_[1].tensor.detach(), bias));
}

TEST_F(OptimizerTest, NonFiniteStepsChangeNothingAndAreCounted) {
  Optimizer optimizer = make(1.0);
  set_gradients(1, 1.0);
  optimizer.step(rate(0.1), fine_);
  std::vector<at::Tensor> before;
  for (const NamedTensor& item : parameters_) before.push_back(item.tensor.detach().clone());
  const auto moments = optimizer.state();
  std::vector<at::Tensor> moments_before;
  for (const NamedTensor& item : moments) moments_before.push_back(item.tensor.clone());
  const auto poisoned = [&](float value) {
    set_gradients(2, 1.0);
    parameters_[1].tensor.grad().mutable_data_ptr<float>()[2] = value;
    optimizer.step(rate(0.1), fine_);
  };
  poisoned(std::numeric_limits<float>::quiet_NaN());
  poisoned(std::numeric_limits<float>::infinity());
  set_gradients(3, 1.0);
  optimizer.step(rate(0.1), at::full({}, std::numeric_limits<float>::infinity()));
  for (std::size_t p = 0; p < parameters_.size(); ++p)
    EXPECT_TRUE(at::equal(parameters_[p].tensor.detach(), before[p]));
  for (std::size_t i = 0; i < moments.size(); ++i) {
    if (moments[i].name.starts_with("exp_avg") || moments[i].name == "step") {
      EXPECT_TRUE(at::equal(moments[i].tensor, moments_before[i])) << moments[i].name;
    }
  }
  EXPECT_EQ(optimizer.skipped().item<std::int64_t>(), 3);
  EXPECT_EQ(optimizer.longest_skipped_row().item<std::int64_t>(), 3);
  set_gradients(3, 1.0);
  optimizer.step(rate(0.1), fine_);
  EXPECT_FALSE(at::equal(parameters_[0].tensor.detach(), before[0]));
  poisoned(std::numeric_limits<float>::infinity());
  EXPECT_EQ(optimizer.skipped().item<std::int64_t>(), 4);
  EXPECT_EQ(optimizer.longest_skipped_row().item<std::int64_t>(), 3);
}

TEST_F(OptimizerTest, StateRestoresTheSameBits) {
  Optimizer first = make(1.0);
  for (int t = 1; t <= 3; ++t) {
    set_gradients(t, 1.0);
    first.step(rate(0.1), fine_);
  }
  std::vector<at::Tensor> values;
  for (const NamedTensor& item : parameters_) values.push_back(item.tensor.detach().clone());
  const auto finish = [&](Optimizer& optimizer) {
    set_gradients(4, 1.0);
    optimizer.step(rate(0.1), fine_);
    return parameters_[0].tensor.detach().clone();
  };
  std::vector<at::Tensor> saved;
  for (const NamedTensor& item : first.state()) saved.push_back(item.tensor.clone());
  const at::Tensor straight = finish(first);

  for (std::size_t p = 0; p < values.size(); ++p) parameters_[p].tensor.detach().copy_(values[p]);
  Optimizer second = make(1.0);
  const NamedTensors state = second.state();
  for (std::size_t i = 0; i < state.size(); ++i) state[i].tensor.copy_(saved[i]);
  EXPECT_TRUE(at::equal(finish(second), straight));
}

TEST_F(OptimizerTest, RefusesOtherDtypes) {
  parameters_.push_back({"double", at::zeros({2}, at::kDouble)});
  EXPECT_THROW(make(), UsageError);
  parameters_.clear();
  EXPECT_THROW(make(), UsageError);
}

}  // namespace
}  // namespace mabert::train
