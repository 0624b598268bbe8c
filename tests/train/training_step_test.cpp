#include "mabert/train/training_step.h"

#include "support.h"
#include "toy_task.h"

#include <cmath>

#include <gtest/gtest.h>

namespace mabert::train {
namespace {

using testing::ToyTask;

Optimizer make_optimizer(ToyTask& task) {
  return Optimizer({}, /*clip_norm=*/std::nullopt, task.parameters(),
                   [&](const std::string& name, const at::Tensor& p) { return task.is_decayed(name, p); });
}

TEST(TrainingStepTest, GradientIsThatOfTheMeanOverThePredictedTerms) {
  ToyTask by_hand, taken({10, 14});
  const StepPlan plan = by_hand.load({});
  by_hand.forward(0, testing::pass(0)).sum.div(static_cast<double>(plan.predicted)).backward();
  double squares = 0;
  for (const NamedTensor& item : by_hand.parameters())
    squares += item.tensor.grad().square().sum().item<double>();

  Optimizer optimizer = make_optimizer(taken);
  TrainingStep step(taken, optimizer, StepGraphMode::automatic);
  EXPECT_FALSE(step.is_captured());
  step.take({}, {.learning_rate = 1e-3});
  EXPECT_NEAR(optimizer.gradient_norm().item<double>(), std::sqrt(squares), 1e-6 * std::sqrt(squares));
}

TEST(TrainingStepTest, UsesTheLearningRateAndNumbersThePasses) {
  ToyTask task({10, 14});
  Optimizer optimizer = make_optimizer(task);
  TrainingStep step(task, optimizer, StepGraphMode::off);
  const at::Tensor weight = task.parameters().front().tensor;
  const at::Tensor start = weight.detach().clone();
  step.take({}, {.learning_rate = 0.0, .first_pass = 7});
  EXPECT_EQ(weight.sub(start).abs().max().item<double>(), 0.0);
  step.take({0, 1}, {.learning_rate = 0.25, .first_pass = 1'000'000'000'009});
  // One step of AdamW moves by less than the learning rate and the decay, the first by about as much.
  EXPECT_NEAR(weight.sub(start).abs().max().item<double>(), 0.25, 0.05);
  EXPECT_EQ(task.passes, (std::vector<std::int64_t>{7, 8, 1'000'000'000'009, 1'000'000'000'010}));
}

}  // namespace
}  // namespace mabert::train
