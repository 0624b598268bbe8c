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
  made.best_loss = 0.1;
  made.best_step = 10;
  made.train_loss = 1.0 / 3.0;
  made.validation = {
      .loss = 0.7, .perplexity = 2.01, .masked_accuracy = 0.25, .predicted = 40, .tokens = 300};
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
  EXPECT_EQ(read.data_fingerprint, "train 1, valid 2");
}

TEST(RunStateTest, ALossThatIsNotFiniteIsReadBack) {
  RunState made = state();
  made.train_loss = made.validation->loss = made.validation->perplexity =
      std::numeric_limits<double>::quiet_NaN();
  const RunState read = parse_run_state(to_json(made), "state.json");
  EXPECT_TRUE(std::isnan(read.train_loss.value()));
  EXPECT_TRUE(std::isnan(read.validation.value().loss));
  EXPECT_TRUE(std::isnan(read.validation.value().perplexity));
}

TEST(RunStateTest, OnlyResultsMayBeAbsent) {
  const auto whole = nlohmann::json::parse(to_json(state()));
  for (const auto& [key, value] : whole.items()) {
    auto json = whole;
    json.erase(key);
    const bool may_be_absent = key == "train_loss" || key == "validation" || key == "data" ||
                               key == "best_loss" || key == "best_step";
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
