#include "mabert/train/trainer.h"

#include "trainer_fixture.h"

#include <thread>

#include <ATen/ops/ones.h>

#include "mabert/core/error.h"

namespace mabert::train {
namespace {

namespace fs = std::filesystem;
using testing::ToyTask;

class TrainerTest : public testing::RunTest {};

TEST_F(TrainerTest, LearnsAndLeavesTheRunDirectoryOfTheDesign) {
  ToyTask task;
  const TrainResult result = run(task, "run");
  EXPECT_EQ(result.outcome, Outcome::finished);
  EXPECT_EQ(result.step, 40);
  EXPECT_EQ(result.tokens, 40 * 48);
  ASSERT_TRUE(result.validation);
  EXPECT_LT(result.validation->loss, 0.7);
  for (const char* name :
       {"metrics.jsonl", "log.txt", "checkpoints/last", "checkpoints/best", "checkpoints/step-00000040"}) {
    EXPECT_TRUE(fs::exists(directory_ / "run" / name)) << name;
  }
  std::ifstream file(directory_ / "run" / "metrics.jsonl");
  std::vector<std::int64_t> train_steps, valid_steps;
  for (std::string line; std::getline(file, line);) {
    const auto json = nlohmann::json::parse(line);
    (json["split"] == "train" ? train_steps : valid_steps).push_back(json["step"]);
  }
  EXPECT_EQ(train_steps, (std::vector<std::int64_t>{1, 6, 12, 18, 24, 30, 36, 40}));
  EXPECT_EQ(valid_steps, (std::vector<std::int64_t>{10, 20, 30, 40}));
  EXPECT_EQ(task.validations, 4);
  EXPECT_EQ(nlohmann::json::parse(to_json(result))["outcome"], "finished");
}

TEST_F(TrainerTest, AccumulationLeavesLossAndGradientAsTheyAre) {
  options_.train.steps = 1;
  options_.optimizer.learning_rate = 1e-12;
  std::vector<double> losses, norms;
  for (const auto& shares : {std::vector<std::int64_t>{24}, {5, 19}, {1, 3, 9, 11}}) {
    ToyTask task(shares);
    const std::string name = "run" + std::to_string(shares.size());
    run(task, name);
    const auto line = nlohmann::json::parse(lines(name).substr(0, lines(name).find('\n')));
    losses.push_back(line["loss"]);
    norms.push_back(line["grad_norm"]);
  }
  for (const std::size_t i : {1, 2}) {
    EXPECT_NEAR(losses[i], losses[0], 1e-6);
    EXPECT_NEAR(norms[i], norms[0], 1e-5);
  }
}

TEST_F(TrainerTest, NonFiniteStepsAreSkippedThenEndTheRun) {
  options_.train.max_skipped = 3;
  ToyTask some;
  some.poisoned = {4, 5, 9};
  EXPECT_EQ(run(some, "some").outcome, Outcome::finished);
  EXPECT_NE(lines("some").find("\"skipped\":3"), std::string::npos);
  ToyTask many;
  many.poisoned = {9, 10, 11};
  try {
    run(many, "many");
    FAIL() << "expected a NonFiniteError";
  } catch (const NonFiniteError& error) {
    EXPECT_EQ(error.code(), ExitCode::non_finite);
    EXPECT_NE(std::string(error.what()).find("step-00000010"), std::string::npos) << error.what();
  }
}

TEST_F(TrainerTest, TimeLimitValidatesAndSaves) {
  class Sleep : public Observer {
   public:
    void on_step(std::int64_t step) override {
      if (step == 3) std::this_thread::sleep_for(std::chrono::milliseconds(60));
    }
    void on_metrics(const Metrics&) override {}
  };
  for (const std::int64_t checkpoint_every : {8, 1}) {  // 1: all is saved when the limit is seen
    const std::string name = "run" + std::to_string(checkpoint_every);
    options_.train.checkpoint_every = checkpoint_every;
    options_.train.max_minutes = 0.05 / 60;
    ToyTask task;
    Trainer trainer(task, options_, context(name));
    trainer.add_observer(std::make_unique<Sleep>());
    const TrainResult result = trainer.run();
    EXPECT_EQ(result.outcome, Outcome::time_limit);
    EXPECT_LE(result.step, 3);
    const bool has_begun = result.step > 0;
    EXPECT_EQ(task.validations, has_begun ? 1 : 0);
    EXPECT_EQ(result.validation.has_value(), has_begun);
    for (const char* pointer : {"last", "best"})
      EXPECT_EQ(fs::exists(directory_ / name / "checkpoints" / pointer), has_begun);
    options_.train.max_minutes.reset();
    ToyTask again;
    EXPECT_EQ(run(again, name).outcome, Outcome::finished);
    EXPECT_EQ(again.steps_loaded, 40 - result.step);
  }
}

TEST_F(TrainerTest, EpochsCountTheTasksSteps) {
  options_.train.steps.reset();
  options_.train.epochs = 3;
  ToyTask task;
  EXPECT_EQ(run(task, "run").step, 3 * ToyTask::kStepsPerEpoch);
  EXPECT_EQ(task.loaded_.back(), (Position{2, ToyTask::kStepsPerEpoch - 1}));
  EXPECT_FALSE(options_.train.validate());
  options_.train.steps = 4;
  EXPECT_TRUE(options_.train.validate());
  options_.train.steps.reset();
  options_.train.epochs.reset();
  EXPECT_THROW(run(task, "endless"), UsageError);
}

TEST_F(TrainerTest, LinesCarryTheValuesOfTheTask) {
  options_.train.steps = 10;
  ToyTask task;
  task.correct = at::ones({}, at::kLong).mul(6);
  const TrainResult result = run(task, "run");
  const std::string all = lines("run");
  EXPECT_NE(all.find("\"hits\":0.25"), std::string::npos) << all;  // 6 of 24 rows
  EXPECT_NE(all.find("\"rows\":24.0"), std::string::npos) << all;
  const auto json = nlohmann::json::parse(to_json(result));
  EXPECT_EQ(json["validation"]["rows"], 24.0);
  EXPECT_EQ(json["best_loss"], result.best->value);
  EXPECT_EQ(json["best_step"], 10);
}

TEST_F(TrainerTest, FullDiskEndsTheRunAndKeepsTheOlderCheckpoint) {
  ToyTask task;
  const RunContext where = context("run");
  Trainer trainer(task, options_, where);
  class FillDisk : public Observer {
   public:
    void on_step(std::int64_t step) override {
      if (step == 16) testing::SystemCalls::arm(testing::SystemCalls::Fault::disk_full, 3);
    }
    void on_metrics(const Metrics&) override {}
  };
  trainer.add_observer(std::make_unique<FillDisk>());
  EXPECT_THROW(trainer.run(), DiskFullError);
  testing::SystemCalls::disarm();
  EXPECT_EQ(resolve_checkpoint(where.directory).filename(), "step-00000010");
}

}  // namespace
}  // namespace mabert::train
