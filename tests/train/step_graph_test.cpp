#include "mabert/train/step_graph.h"

#include "mlm_fixture.h"

#include <limits>

#include <ATen/Context.h>
#include <ATen/ops/full.h>
#include <ATen/ops/zeros.h>

#include "mabert/core/device.h"
#include "mabert/core/error.h"
#include "mabert/train/training_step.h"

namespace mabert::train {
namespace {

const c10::Device kCuda(c10::kCUDA, 0);

template <class E>
std::string message_of(const std::function<void()>& body) {
  try {
    body();
  } catch (const E& error) {
    return error.what();
  }
  return "nothing thrown";
}

/// A task with its forward passes counted, and the loss of some steps made NaN on the device.
class WatchedTask final : public Task {
 public:
  WatchedTask(std::unique_ptr<MlmTask> task, std::set<std::int64_t> poisoned, c10::Device device)
      : task_(std::move(task)),
        poisoned_(std::move(poisoned)),
        factor_(at::zeros({}, at::TensorOptions().device(device))) {}

  NamedTensors parameters() const override { return task_->parameters(); }
  bool is_decayed(const std::string& name, const at::Tensor& p) const override {
    return task_->is_decayed(name, p);
  }
  std::int64_t steps_in_epoch(std::int64_t epoch) override { return task_->steps_in_epoch(epoch); }
  StepPlan load(const Position& position) override {
    const bool bad = poisoned_.count(position.epoch * task_->steps_in_epoch(0) + position.step) != 0;
    factor_.fill_(bad ? std::numeric_limits<double>::quiet_NaN() : 1.0);
    return task_->load(position);
  }
  PartialLoss forward(std::int64_t micro_batch, const at::Tensor& pass) override {
    ++passes;
    const PartialLoss loss = task_->forward(micro_batch, pass);
    return {loss.sum.mul(factor_), loss.correct};
  }
  std::optional<std::string> capture_obstacle() const override { return task_->capture_obstacle(); }
  std::optional<Evaluation> validate() override { return task_->validate(); }
  std::string accuracy_name() const override { return task_->accuracy_name(); }

  std::int64_t passes = 0;

 private:
  std::unique_ptr<MlmTask> task_;
  std::set<std::int64_t> poisoned_;
  at::Tensor factor_;
};

class StepGraphTest : public testing::MlmTest {
 protected:
  struct Variant {
    nn::ModelOptions model = testing::tiny_options();
    at::ScalarType dtype = at::kBFloat16;
    std::int64_t accumulation = 1;
    bool fixed_shapes = true;
    data::BatchLayout layout = data::BatchLayout::ragged;
    std::set<std::int64_t> poisoned;
  };
  std::unique_ptr<WatchedTask> task(const Variant& variant, c10::Device device = kCuda) const {
    nn::MaskedLanguageModel model(variant.model);
    nn::initialize_parameters(*model, variant.model, 1);
    model->to(device);
    nn::set_compute_dtype(*model, variant.dtype);
    data::MlmOptions data = data_options(4, variant.accumulation);
    data.batch.fixed_shapes = variant.fixed_shapes;
    data.batch.layout = variant.layout;
    auto loader = std::make_shared<data::MlmLoader>(train_, data, data::LoaderContext{.seed = 1});
    return std::make_unique<WatchedTask>(
        std::make_unique<MlmTask>(model, loader, evaluation_, MlmTaskOptions{.device = device, .seed = 1}),
        variant.poisoned, device);
  }
  /// Runs with every step eager, and with graphs, must agree in every bit.
  void expect_same(const Variant& variant) {
    options_.train.graph = StepGraphMode::off;
    const auto eager = task(variant);
    run(*eager, "eager");
    options_.train.graph = StepGraphMode::on;
    const auto graph = task(variant);
    run(*graph, "graph");
    EXPECT_EQ(difference("eager", "graph"), "");
    EXPECT_EQ(eager->passes, 40 * variant.accumulation);
    EXPECT_LE(graph->passes, 4 * variant.accumulation);
  }
  static bool lacks_cuda() {
    set_deterministic(true);
    return !at::globalContext().hasCUDA();
  }
};

TEST_F(StepGraphTest, OnSaysWhatStandsInTheWay) {
  options_.train.graph = StepGraphMode::on;
  const c10::Device cpu(c10::kCPU);
  const auto refusal = [&](Task& task) {
    return message_of<UsageError>([&] { Trainer(task, options_, context("run")); });
  };
  EXPECT_EQ(
      refusal(*task({.dtype = at::kFloat, .fixed_shapes = false}, cpu)),
      "[train] graph: cannot be on: batch.fixed_shapes: expected true, got false; use train.graph=auto");
  EXPECT_EQ(refusal(*task({.dtype = at::kFloat, .layout = data::BatchLayout::padded}, cpu)),
            "[train] graph: cannot be on: batch.layout: expected ragged, got padded; use train.graph=auto");
  EXPECT_EQ(refusal(*task({.dtype = at::kFloat}, cpu)),
            "[train] graph: cannot be on: train.device: expected cuda, got cpu; use train.graph=auto");
  testing::ToyTask toy;
  EXPECT_NE(refusal(toy).find("task: expected"), std::string::npos);
  options_.train.graph = StepGraphMode::automatic;
  EXPECT_EQ(run(toy, "eager").outcome, Outcome::finished);
}

TEST_F(StepGraphTest, EveryKindOfModelGivesTheBitsOfEagerSteps) {
  if (lacks_cuda()) GTEST_SKIP() << "no CUDA device";
  nn::ModelOptions other = testing::tiny_options(/*dropout=*/0.1);
  other.num_layers = 3;
  other.layer_pattern = {"both", "local", "parallel"};
  other.blocks["both"].mixer.value = nn::MambaOptions{.direction = nn::MambaDirection::bidirectional};
  other.blocks["local"].mixer.value = nn::AttentionOptions{.heads = 2, .window_left = 3, .window_right = 3};
  other.positions.type = nn::PositionType::rotary;
  other.blocks["parallel"].mixer.value = nn::ParallelOptions{
      {{nn::MambaOptions{.direction = nn::MambaDirection::backward}}, {nn::AttentionOptions{.heads = 2}}}};
  for (const nn::ModelOptions& model : {testing::tiny_options(), other}) {
    for (const at::ScalarType dtype : {at::kBFloat16, at::kFloat}) {
      SCOPED_TRACE(std::to_string(model.num_layers) + " layers, " + c10::toString(dtype));
      expect_same({.model = model, .dtype = dtype});
      std::filesystem::remove_all(directory_ / "eager");
      std::filesystem::remove_all(directory_ / "graph");
    }
  }
}

TEST_F(StepGraphTest, AccumulationAndDropoutGiveTheBitsOfEagerSteps) {
  if (lacks_cuda()) GTEST_SKIP() << "no CUDA device";
  expect_same({.model = testing::tiny_options(0.1), .accumulation = 2});
}

TEST_F(StepGraphTest, NonFiniteStepsAreSkippedAsInEagerSteps) {
  if (lacks_cuda()) GTEST_SKIP() << "no CUDA device";
  expect_same({.accumulation = 2, .poisoned = {1, 9, 10, 20}});
  EXPECT_NE(lines("graph").find("\"skipped\":4"), std::string::npos);
  options_.train.max_skipped = 2;
  const auto ends = task({.poisoned = {9, 10}});
  EXPECT_THROW(run(*ends, "ends"), NonFiniteError);
}

TEST_F(StepGraphTest, ResumedBetweenEagerAndReplayedStepsGivesTheSameBits) {
  if (lacks_cuda()) GTEST_SKIP() << "no CUDA device";
  const Variant variant{.model = testing::tiny_options(0.1), .accumulation = 2};
  run(*task(variant), "straight");
  for (const std::int64_t stop : {2, 4, 23}) {  // among eager steps, at the first replay, later
    const std::string name = "stopped" + std::to_string(stop);
    EXPECT_EQ(run_until(*task(variant), name, stop).step, stop);
    EXPECT_EQ(run(*task(variant), name).outcome, Outcome::finished);
    EXPECT_EQ(difference("straight", name), "");
  }
}

TEST_F(StepGraphTest, ReplaysWhatWasRecordedOnWhatWasPreparedLast) {
  if (lacks_cuda()) GTEST_SKIP() << "no CUDA device";
  const at::Tensor input = at::zeros({}, kCuda), sum = at::zeros({}, kCuda);
  const auto graph = make_step_graph(kCuda);
  double expected = 0;
  int calls = 0;
  for (int step = 0; step < 20; ++step) {
    graph->run([&] { input.fill_(step); },
               [&] {
                 ++calls;
                 sum.add_(input.mul(2));
               });
    expected += 2 * step;
    EXPECT_EQ(sum.item<double>(), expected) << step;  // in order with the stream of the caller
  }
  EXPECT_EQ(calls, 4);
}

TEST_F(StepGraphTest, WorkThatWaitsForTheDeviceIsAnError) {
  if (lacks_cuda()) GTEST_SKIP() << "no CUDA device";
  const at::Tensor value = at::zeros({}, kCuda);
  const auto graph = make_step_graph(kCuda);
  const auto nothing = [] {};
  const auto work = [&] { value.add_(value.item<double>()); };
  for (int step = 0; step < 3; ++step) graph->run(nothing, work);
  const std::string message = message_of<DeviceError>([&] { graph->run(nothing, work); });
  EXPECT_TRUE(message.starts_with("[train] graph: the step cannot be recorded (")) << message;
  EXPECT_TRUE(message.ends_with("); use train.graph=off")) << message;
}

}  // namespace
}  // namespace mabert::train
