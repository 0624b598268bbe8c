#include "mabert/train/run_state.h"

#include <cmath>
#include <limits>

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "mabert/core/error.h"

namespace mabert::train {
namespace {

RunState state() {
  RunState made;
  made.step = 12;
  made.position = {1, 5};
  made.tokens = 345;
  made.best = {"score", 0.1};
  made.best_step = 10;
  made.stale = 2;
  made.train_loss = 1.0 / 3.0;
  made.validation = {.loss = 0.7,
                     .values = {{"f1", 0.25}, {"accuracy", 0.5}, {"score", 0.375}},
                     .selects = "score",
                     .higher_is_better = true,
                     .predicted = 40,
                     .tokens = 300};
  made.validation_step = 10;
  made.seed = 9;
  made.data_fingerprint = "train 1, valid 2";
  return made;
}

TEST(RunStateTest, RoundTrip) {
  const std::string text = to_json(state());
  const RunState read = parse_run_state(text, "state.json");
  EXPECT_EQ(to_json(read), text);
  EXPECT_EQ(read.position, (Position{1, 5}));
  EXPECT_EQ(read.train_loss, 1.0 / 3.0);
  EXPECT_EQ(read.validation_step, 10);
  EXPECT_EQ(read.validation->tokens, 300);
  EXPECT_EQ(read.validation->values, state().validation->values);
  EXPECT_EQ(read.validation->selects, "score");
  EXPECT_TRUE(read.validation->higher_is_better);
  EXPECT_EQ(read.best, (NamedValue{"score", 0.1}));
  EXPECT_EQ(read.best_step, 10);
  EXPECT_EQ(read.stale, 2);
  EXPECT_EQ(read.data_fingerprint, "train 1, valid 2");
}

TEST(RunStateTest, AFileOfAnOlderVersionIsRead) {
  const RunState read = parse_run_state(R"({
  "step": 4, "epoch": 0, "step_in_epoch": 4, "passes": 4, "tokens": 9, "seconds": 1.5,
  "best_loss": 4.25, "best_step": 3,
  "validation": {"loss": 4.5, "perplexity": 90.0, "masked_accuracy": 0.25, "predicted": 7, "tokens": 8, "step": 4},
  "seed": 1, "window": {"steps": 0, "predicted": 0, "tokens": 0, "seconds": 0.0}})",
                                        "state.json");
  EXPECT_EQ(read.best, (NamedValue{"loss", 4.25}));
  EXPECT_EQ(read.best_step, 3);
  EXPECT_EQ(read.stale, 0);
  ASSERT_TRUE(read.validation);
  EXPECT_EQ(read.validation->selects, "loss");
  EXPECT_FALSE(read.validation->higher_is_better);
  EXPECT_EQ(read.validation->values,
            (std::vector<NamedValue>{{"perplexity", 90.0}, {"masked_accuracy", 0.25}}));
  EXPECT_EQ(read.validation->selecting_value(), 4.5);
  EXPECT_EQ(read.validation->predicted, 7);
}

TEST(RunStateTest, ALossThatIsNotFiniteIsReadBack) {
  RunState made = state();
  made.train_loss = made.validation->loss = made.validation->values[0].value =
      std::numeric_limits<double>::quiet_NaN();
  const RunState read = parse_run_state(to_json(made), "state.json");
  EXPECT_TRUE(std::isnan(read.train_loss.value()));
  EXPECT_TRUE(std::isnan(read.validation.value().loss));
  EXPECT_TRUE(std::isnan(read.validation->find("f1").value()));
}

TEST(RunStateTest, OnlyResultsMayBeAbsent) {
  const auto whole = nlohmann::json::parse(to_json(state()));
  for (const auto& [key, value] : whole.items()) {
    auto json = whole;
    json.erase(key);
    const bool may_be_absent = key == "train_loss" || key == "validation" || key == "data" ||
                               key == "best_score" || key == "best_step" || key == "stale";
    if (may_be_absent) {
      EXPECT_EQ(parse_run_state(json.dump(), "state.json").step, 12) << key;
    } else {
      EXPECT_THROW(parse_run_state(json.dump(), "state.json"), CheckpointError) << key;
    }
  }
  auto wrong = whole;
  wrong["validation"] = 3;
  EXPECT_THROW(parse_run_state(wrong.dump(), "state.json"), CheckpointError);
}

}  // namespace
}  // namespace mabert::train
