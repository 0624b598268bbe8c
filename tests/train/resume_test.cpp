#include "trainer_fixture.h"

#include <functional>

#include "mabert/core/error.h"

namespace mabert::train {
namespace {

namespace fs = std::filesystem;
using testing::ToyTask;

class ResumeTest : public testing::RunTest {};

TEST_F(ResumeTest, ResumedAnywhereGivesTheSameBits) {
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

TEST_F(ResumeTest, KilledBetweenCheckpointsGivesTheSameBits) {
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

TEST_F(ResumeTest, ABrokenRestoreIsSeen) {
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

TEST_F(ResumeTest, ADamagedCheckpointFallsBackToTheOneBefore) {
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

TEST_F(ResumeTest, ResumeModes) {
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

TEST_F(ResumeTest, ResumedAfterItsTimeLimitValidatesOnce) {
  ToyTask first;
  run_until(first, "run", 5);
  options_.train.max_minutes = 1e-9;
  ToyTask second;
  const TrainResult result = run(second, "run");
  EXPECT_EQ(result.outcome, Outcome::time_limit);
  EXPECT_EQ(result.step, 5);
  EXPECT_EQ(second.validations, 1);
  EXPECT_EQ(result.best_step, 5);
  EXPECT_TRUE(fs::exists(directory_ / "run/checkpoints/best"));
  const std::string before = lines("run");
  EXPECT_NE(before.find("\"split\":\"valid\""), std::string::npos);
  ToyTask third;
  ASSERT_TRUE(run(third, "run").validation);
  EXPECT_EQ(third.validations, 0);
  EXPECT_EQ(lines("run"), before);
}

TEST_F(ResumeTest, KilledBeforeItsResultWasWrittenGivesTheSameResult) {
  ToyTask first, second;
  const TrainResult before = run(first, "run"), after = run(second, "run");
  EXPECT_EQ(second.steps_loaded + second.validations, 0);
  EXPECT_EQ(after.outcome, Outcome::finished);
  ASSERT_TRUE(before.train_loss && before.validation);
  EXPECT_EQ(after.train_loss, before.train_loss);
  ASSERT_TRUE(after.validation);
  EXPECT_EQ(after.validation->loss, before.validation->loss);
}

TEST_F(ResumeTest, OtherDataThanTheRunBeganWithIsRefused) {
  ToyTask first, other, same;
  run_until(first, "run", 5);
  other.fingerprint = "letters";
  try {
    run(other, "run");
    FAIL() << "expected a UsageError";
  } catch (const UsageError& error) {
    for (const char* part : {"step-00000005", "expected numbers", "got letters", "another run directory"})
      EXPECT_NE(std::string(error.what()).find(part), std::string::npos) << error.what();
  }
  EXPECT_EQ(other.steps_loaded, 0);
  EXPECT_EQ(run(same, "run").outcome, Outcome::finished);
}

}  // namespace
}  // namespace mabert::train
