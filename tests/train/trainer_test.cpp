#include "mabert/train/trainer.h"

#include "support.h"
#include "toy_task.h"

#include <csignal>
#include <fstream>
#include <functional>
#include <sstream>
#include <thread>

#include <ATen/ops/equal.h>
#include <nlohmann/json.hpp>

#include "mabert/core/error.h"
#include "mabert/train/console.h"

namespace mabert::train {
namespace {

namespace fs = std::filesystem;
using testing::ToyTask;

class TrainerTest : public testing::DirectoryTest {
 protected:
  TrainerTest() {
    options_.train.steps = 40;
    options_.train.log_every = 6;
    options_.train.validate_every = 10;
    options_.train.checkpoint_every = 8;
    options_.train.keep_last = 100;
    options_.optimizer.learning_rate = 0.02;
    options_.schedule.warmup_steps = 5;
  }
  RunContext context(const std::string& run) {
    fs::create_directories(directory_ / run);
    return {directory_ / run, "a: 1\n", "tokenizer", open_log(directory_ / run / "log.txt", terminal_, false),
            &signal_};
  }
  TrainResult run(ToyTask& task, const std::string& name) {
    return train(task, options_, context(name), terminal_, false);
  }
  /// Stops the run after `step` by the signal flag.
  class StopAt : public Observer {
   public:
    StopAt(std::atomic<int>& signal, std::int64_t step) : signal_(signal), step_(step) {}
    void on_step(std::int64_t step) override {
      if (step == step_) signal_ = SIGTERM;
    }
    void on_metrics(const Metrics&) override {}

   private:
    std::atomic<int>& signal_;
    std::int64_t step_;
  };
  TrainResult run_until(ToyTask& task, const std::string& name, std::int64_t step) {
    const RunContext where = context(name);
    Trainer trainer(task, options_, where);
    trainer.add_observer(
        std::make_unique<MetricsLog>(where.directory / "metrics.jsonl", trainer.state().step));
    trainer.add_observer(std::make_unique<StopAt>(signal_, step));
    const TrainResult result = trainer.run();
    signal_ = 0;
    return result;
  }
  /// The lines of metrics without what a clock or the allocator says.
  std::string lines(const std::string& run) const {
    std::ifstream file(directory_ / run / "metrics.jsonl");
    std::string all, line;
    while (std::getline(file, line)) {
      auto json = nlohmann::ordered_json::parse(line);
      for (const char* key : {"seconds", "tokens_per_second", "memory"}) json.erase(key);
      all += json.dump() + "\n";
    }
    return all;
  }
  /// What differs between the last checkpoints of two runs; empty if nothing does.
  std::string difference(const std::string& a, const std::string& b) const {
    const Checkpoint first(fs::path(directory_ / a / "checkpoints/step-00000040"));
    const Checkpoint second(fs::path(directory_ / b / "checkpoints/step-00000040"));
    std::string differs;
    for (const bool is_model : {true, false}) {
      const SafetensorsFile x = is_model ? first.model() : first.optimizer();
      const SafetensorsFile y = is_model ? second.model() : second.optimizer();
      for (const auto& entry : x.entries()) {
        if (!at::equal(x.tensor(entry.name), y.tensor(entry.name))) differs += entry.name + " ";
      }
    }
    if (lines(a) != lines(b)) differs += "metrics";
    return differs;
  }
  OptimizationOptions options_;
  std::ostringstream terminal_;
  std::atomic<int> signal_{0};
};

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

TEST_F(TrainerTest, ResumedAnywhereGivesTheSameBits) {
  ToyTask straight({10, 14});
  run(straight, "straight");
  for (const std::int64_t stop : {1, 13, 30, 39}) {
    const std::string name = "stopped" + std::to_string(stop);
    ToyTask first({10, 14});
    const TrainResult result = run_until(first, name, stop);
    EXPECT_EQ(result.outcome, Outcome::interrupted);
    EXPECT_EQ(result.signal, SIGTERM);
    EXPECT_EQ(result.step, stop);
    EXPECT_EQ(first.steps_loaded, stop);
    ToyTask second({10, 14});
    EXPECT_EQ(run(second, name).outcome, Outcome::finished);
    EXPECT_EQ(second.loaded_.front(), straight.loaded_[static_cast<std::size_t>(stop)]);
    EXPECT_EQ(second.passes.front(), 2 * stop);
    EXPECT_EQ(difference("straight", name), "");
  }
}

TEST_F(TrainerTest, KilledBetweenCheckpointsGivesTheSameBits) {
  ToyTask straight;
  run(straight, "straight");
  ToyTask first;
  run_until(first, "killed", 29);
  fs::remove_all(directory_ / "killed/checkpoints/step-00000029");  // as if nothing had been saved at the end
  ToyTask second;
  run(second, "killed");
  EXPECT_EQ(second.steps_loaded, 40 - 24);
  EXPECT_EQ(difference("straight", "killed"), "");
}

TEST_F(TrainerTest, ABrokenRestoreIsSeen) {
  ToyTask straight;
  run(straight, "straight");
  const auto broken = [&](const std::string& name,
                          const std::function<void(Checkpoint&, CheckpointContent&)>& damage) {
    ToyTask first;
    run_until(first, name, 20);
    const fs::path path = directory_ / name / "checkpoints/step-00000020";
    Checkpoint saved(path);
    CheckpointContent content{{}, {}, saved.state_json(), saved.config_yaml(), saved.tokenizer()};
    const SafetensorsFile model = saved.model(), optimizer = saved.optimizer();
    for (const auto& entry : model.entries()) content.model.push_back({entry.name, model.tensor(entry.name)});
    for (const auto& entry : optimizer.entries()) {
      content.optimizer.push_back({entry.name, optimizer.tensor(entry.name)});
    }
    damage(saved, content);
    save_checkpoint(path, content);
    ToyTask second;
    run(second, name);
    return difference("straight", name);
  };
  EXPECT_EQ(broken("intact", [](Checkpoint&, CheckpointContent&) {}), "");
  EXPECT_NE(broken("moment",
                   [](Checkpoint&, CheckpointContent& content) {
                     for (auto& item : content.optimizer) {
                       if (item.name == "exp_avg/first.bias") item.tensor.zero_();
                     }
                   }),
            "");
  EXPECT_NE(broken("position",
                   [](Checkpoint&, CheckpointContent& content) {
                     auto state = nlohmann::json::parse(content.state_json);
                     state["step_in_epoch"] = state["step_in_epoch"].get<int>() + 1;
                     content.state_json = state.dump();
                   }),
            "");
  EXPECT_NE(broken("window",
                   [](Checkpoint&, CheckpointContent& content) {
                     for (auto& item : content.optimizer) {
                       if (item.name == "window_loss") item.tensor.zero_();
                     }
                   }),
            "");
}

TEST_F(TrainerTest, ADamagedCheckpointFallsBackToTheOneBefore) {
  ToyTask straight;
  run(straight, "straight");
  ToyTask first;
  run_until(first, "damaged", 26);
  std::ofstream(directory_ / "damaged/checkpoints/step-00000026/optimizer.safetensors", std::ios::app) << "x";
  ToyTask second;
  run(second, "damaged");
  EXPECT_EQ(second.steps_loaded, 40 - 24);
  EXPECT_NE(terminal_.str().find("resuming from step 24"), std::string::npos) << terminal_.str();
  EXPECT_EQ(difference("straight", "damaged"), "");
  for (const auto& entry : fs::directory_iterator(directory_ / "damaged/checkpoints")) {
    if (entry.is_directory()) std::ofstream(entry.path() / "state.json") << "{}";
  }
  ToyTask third;
  EXPECT_THROW(run(third, "damaged"), CheckpointError);
}

TEST_F(TrainerTest, ResumeModes) {
  options_.train.resume = Resume::must;
  ToyTask a;
  EXPECT_THROW(run(a, "run"), CheckpointError);
  options_.train.resume = Resume::never;
  EXPECT_EQ(run(a, "run").step, 40);
  ToyTask b;
  EXPECT_THROW(run(b, "run"), UsageError);
  options_.train.resume = Resume::must;
  EXPECT_EQ(run(b, "run").step, 40);
  EXPECT_EQ(b.steps_loaded, 0);
  options_.train.seed = 2;
  EXPECT_THROW(run(b, "run"), UsageError);
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
  options_.train.max_minutes = 0.05 / 60;
  class Sleep : public Observer {
   public:
    void on_step(std::int64_t step) override {
      if (step == 3) std::this_thread::sleep_for(std::chrono::milliseconds(60));
    }
    void on_metrics(const Metrics&) override {}
  };
  ToyTask task;
  Trainer trainer(task, options_, context("run"));
  trainer.add_observer(std::make_unique<Sleep>());
  const TrainResult result = trainer.run();
  EXPECT_EQ(result.outcome, Outcome::time_limit);
  EXPECT_LE(result.step, 3);
  EXPECT_EQ(task.validations, result.step > 0 ? 1 : 0);
  EXPECT_EQ(fs::exists(directory_ / "run/checkpoints/last"), result.step > 0);
  options_.train.max_minutes.reset();
  ToyTask again;
  EXPECT_EQ(run(again, "run").outcome, Outcome::finished);
  EXPECT_EQ(again.steps_loaded, 40 - result.step);
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
