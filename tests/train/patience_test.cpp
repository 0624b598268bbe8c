#include "trainer_fixture.h"

#include <limits>

#include "mabert/core/error.h"

namespace mabert::train {
namespace {

namespace fs = std::filesystem;
using testing::ToyTask;

/// Runs graded at every fifth step; the third grade is the best.
class PatienceTest : public testing::RunTest {
 protected:
  PatienceTest() {
    options_.train.validate_every = ToyTask::kGradedSteps;
    options_.train.log_every = 7;
  }
  static ToyTask graded(std::vector<double> grades = {0.1, 0.2, 0.6, 0.5, 0.6, 0.4, 0.3, 0.7}) {
    ToyTask task;
    task.grades = std::move(grades);
    return task;
  }
  fs::path checkpoint(const std::string& run, int step) const {
    return directory_ / run / "checkpoints" / ("step-000000" + std::to_string(step));
  }
};

TEST_F(PatienceTest, EndsTheRunAfterSoManyValidationsWithoutABetterOne) {
  options_.train.patience = 3;
  ToyTask task = graded();
  const TrainResult result = run(task, "run");
  EXPECT_EQ(result.outcome, Outcome::stopped_early);
  EXPECT_EQ(result.step, 30);  // best at 15, none better at 20, 25 and 30
  EXPECT_EQ(result.best, (NamedValue{"grade", 0.6}));
  EXPECT_EQ(result.best_step, 15);
  EXPECT_EQ(resolve_checkpoint(directory_ / "run").filename(), "step-00000015");
  EXPECT_EQ(task.validations, 6);
  EXPECT_NE(lines("run").find(R"({"step":30,"split":"train")"), std::string::npos) << lines("run");
  const auto json = nlohmann::json::parse(to_json(result));
  EXPECT_EQ(json["outcome"], "stopped_early");
  EXPECT_EQ(json["best_grade"], 0.6);
  EXPECT_EQ(json["best_step"], 15);

  const std::string before = lines("run");
  ToyTask again = graded();
  const TrainResult repeated = run(again, "run");
  EXPECT_EQ(again.steps_loaded, 0);
  EXPECT_EQ(repeated.outcome, Outcome::stopped_early);
  EXPECT_EQ(lines("run"), before);
}

TEST_F(PatienceTest, WithoutPatienceTheRunGoesOn) {
  ToyTask task = graded();
  const TrainResult result = run(task, "run");
  EXPECT_EQ(result.outcome, Outcome::finished);
  EXPECT_EQ(result.step, 40);
  EXPECT_EQ(result.best_step, 40);
}

TEST_F(PatienceTest, ValuesThatAreNotFiniteAreNeverBetter) {
  options_.train.patience = 2;
  ToyTask task = graded({std::numeric_limits<double>::quiet_NaN(), 0.1,
                         std::numeric_limits<double>::infinity(), 0.05, 0.9, 0.9, 0.9, 0.9});
  const TrainResult result = run(task, "run");
  EXPECT_EQ(result.step, 20);
  EXPECT_EQ(result.best_step, 10);
}

TEST_F(PatienceTest, AResumedRunStopsAtTheSameStepWithTheSameBits) {
  options_.train.patience = 3;
  ToyTask straight = graded();
  run(straight, "straight");
  for (const std::int64_t stop : {3, 17, 26}) {
    const std::string name = "stopped" + std::to_string(stop);
    ToyTask first = graded(), second = graded();
    EXPECT_EQ(run_until(first, name, stop).outcome, Outcome::interrupted);
    const TrainResult result = run(second, name);
    EXPECT_EQ(result.outcome, Outcome::stopped_early);
    EXPECT_EQ(result.step, 30);
    EXPECT_EQ(lines(name), lines("straight"));
    const SafetensorsFile a = Checkpoint(checkpoint("straight", 30)).model();
    const SafetensorsFile b = Checkpoint(checkpoint(name, 30)).model();
    for (const auto& entry : a.entries()) {
      EXPECT_TRUE(at::equal(a.tensor(entry.name), b.tensor(entry.name))) << entry.name;
    }
  }
}

TEST_F(PatienceTest, MorePatienceGoesOnFromThere) {
  options_.train.patience = 3;
  ToyTask first = graded(), second = graded();
  run(first, "run");
  options_.train.patience = 5;
  const TrainResult result = run(second, "run");
  EXPECT_EQ(second.steps_loaded, 10);
  EXPECT_EQ(result.outcome, Outcome::finished);
  EXPECT_EQ(result.best_step, 40);
}

TEST_F(PatienceTest, WantsValidations) {
  options_.train.patience = 1;
  ToyTask task = graded();
  task.held_out = false;
  EXPECT_THROW(run(task, "run"), UsageError);
  task.held_out = true;
  options_.train.validate_every = 0;
  EXPECT_THROW(run(task, "run"), UsageError);
}

TEST_F(PatienceTest, AFinishedRunMayKeepWeightsOnly) {
  options_.train.keep_last = 2;
  options_.train.keep_optimizer = false;
  options_.train.patience = 3;
  ToyTask interrupted = graded();
  run_until(interrupted, "run", 17);
  EXPECT_FALSE(Checkpoint(checkpoint("run", 17)).optimizer().empty());
  ToyTask task = graded();
  EXPECT_EQ(run(task, "run").outcome, Outcome::stopped_early);
  int found = 0;
  for (const int step : {15, 17, 24, 30}) {
    if (!fs::exists(checkpoint("run", step))) continue;
    ++found;
    const Checkpoint kept(checkpoint("run", step));
    EXPECT_TRUE(kept.optimizer().empty()) << step;
    EXPECT_FALSE(kept.model().empty()) << step;
  }
  EXPECT_EQ(found, 3);  // the best and the last two

  const std::string before = lines("run");
  ToyTask again = graded();
  EXPECT_EQ(run(again, "run").outcome, Outcome::stopped_early);
  EXPECT_EQ(again.steps_loaded, 0);
  EXPECT_EQ(lines("run"), before);

  options_.train.patience.reset();
  ToyTask more = graded();
  try {
    run(more, "run");
    FAIL() << "expected a CheckpointError";
  } catch (const CheckpointError& error) {
    for (const char* part : {"step-00000030", "weights only", "keep_optimizer"})
      EXPECT_NE(std::string(error.what()).find(part), std::string::npos) << error.what();
  }
}

}  // namespace
}  // namespace mabert::train
