#include <filesystem>
#include <fstream>
#include <functional>
#include <string>
#include <unistd.h>

#include <ATen/ops/zeros.h>
#include <gtest/gtest.h>

#include "mabert/app/extend_stages.h"
#include "mabert/app/loaded_model.h"
#include "mabert/app/run_config.h"
#include "mabert/core/error.h"
#include "mabert/train/checkpoint.h"

namespace mabert::app {
namespace {

namespace fs = std::filesystem;
using Overrides = std::vector<std::string>;

const fs::path kConfigs = fs::path(MABERT_SOURCE_DIR) / "configs" / "extend";

class ExtendConfigTest : public testing::Test {
 protected:
  ExtendConfigTest() {
    fs::create_directories(folder_);
    std::ofstream(folder_ / "longer.yaml")
        << "extend: {stages: [{length: 1024, steps: 10}, {length: 2048, steps: 20, learning_rate: 0.25}]}\n"
           "batch: {tokens: 4096}\n"
           "optimizer: {learning_rate: 0.5}\n";
    save("run",
         "model: {width: 96, vocabulary_size: 77, positions: {max_length: 512}}\n"
         "samples: {max_length: 512}\ntrain: {steps: 3, seed: 7}\n");
    save("rotary",
         "model: {vocabulary_size: 77, positions: {type: rotary, max_length: 128, rotary_base: 500}}\n"
         "samples: {max_length: 128}\n");
  }
  ~ExtendConfigTest() override { fs::remove_all(folder_); }

  void save(const std::string& run, const std::string& config) const {
    const fs::path directory = folder_ / run / "checkpoints" / "step-00000001";
    fs::create_directories(directory.parent_path());
    train::CheckpointContent content;
    content.model = {{"weight", at::zeros({1})}};
    content.config_yaml = config;
    content.state_json = "{}";
    content.tokenizer = "none";
    train::save_checkpoint(directory, content);
  }

  RunConfig load(Overrides overrides, const std::string& run = "run") const {
    overrides.push_back("model.init_from=" + (folder_ / run).string());
    return load_extend_config(folder_ / "longer.yaml", overrides);
  }

  std::string message_of(const Overrides& overrides, const std::string& run = "run") const {
    try {
      load(overrides, run);
    } catch (const Error& error) {
      return error.what();
    }
    return "nothing thrown";
  }

  void expect_message(const Overrides& overrides, const std::string& part,
                      const std::string& run = "run") const {
    const std::string message = message_of(overrides, run);
    EXPECT_NE(message.find(part), std::string::npos) << message;
    EXPECT_EQ(message.find('\n'), std::string::npos) << message;
  }

  const fs::path folder_ = fs::temp_directory_path() / ("mabert-extend-config-" + std::to_string(::getpid()));
};

TEST_F(ExtendConfigTest, ShippedConfigurationsGoTo4096) {
  for (const char* name : {"512-to-4096.yaml", "512-to-4096-direct.yaml"}) {
    SCOPED_TRACE(name);
    const RunConfig config =
        load_extend_config(kConfigs / name, {"model.init_from=" + (folder_ / "run").string()});
    const auto stages = stage_configs(config);
    EXPECT_EQ(stages.size(), std::string(name) == "512-to-4096.yaml" ? 3u : 1u);
    EXPECT_EQ(stages.back().samples.max_length, 4096);
    EXPECT_EQ(config.batch.tokens, 32768);
    EXPECT_TRUE(config.batch.fixed_shapes);
    EXPECT_FALSE(config.samples.mixture.empty());
    EXPECT_EQ(report_lengths(config).front(), 512);
    EXPECT_EQ(report_lengths(config).back(), 4096);
  }
}

TEST_F(ExtendConfigTest, StagesAreRunsOfTheirOwn) {
  const RunConfig config = load({"run_dir=out", "train.keep_optimizer=false"});
  EXPECT_EQ(config.model.width, 96);
  EXPECT_EQ(config.model.positions.max_length, 512) << "the length to start from";
  EXPECT_EQ(config.train.steps, 30);
  EXPECT_NE(config.train.seed, 7u) << "only the model is the checkpoint's";
  EXPECT_TRUE(config.extend.carry.optimizer);
  EXPECT_TRUE(config.extend.carry.data_position);
  const auto stages = stage_configs(config);
  ASSERT_EQ(stages.size(), 2u);
  EXPECT_EQ(stages[0].run_dir, fs::path("out") / "length-1024");
  EXPECT_EQ(stages[0].model.positions.max_length, 1024);
  EXPECT_EQ(stages[0].samples.max_length, 1024);
  EXPECT_EQ(stages[0].train.steps, 10);
  EXPECT_FALSE(stages[0].train.epochs.has_value());
  EXPECT_DOUBLE_EQ(stages[0].optimizer.learning_rate, 0.5);
  EXPECT_TRUE(stages[0].train.keep_optimizer) << "the next stage carries it over";
  EXPECT_EQ(stages[0].extend.stages.size(), 1u);
  EXPECT_EQ(stages[1].run_dir, fs::path("out") / "length-2048");
  EXPECT_EQ(stages[1].train.steps, 20);
  EXPECT_DOUBLE_EQ(stages[1].optimizer.learning_rate, 0.25);
  EXPECT_TRUE(stages[1].train.keep_optimizer) << "stages may be added";
  EXPECT_FALSE(stage_configs(load({"extend.carry.optimizer=false", "train.keep_optimizer=false"}))[1]
                   .train.keep_optimizer);
  EXPECT_EQ(report_lengths(config), (std::vector<std::int64_t>{512, 1024, 2048}));
  for (const RunConfig& stage : stages)
    EXPECT_EQ(to_yaml(parse_run_config(to_yaml(stage), "config.yaml", {})), to_yaml(stage));
  EXPECT_EQ(
      load_extend_config(folder_ / "longer.yaml", {"model.init_from=" + (folder_ / "run").string()}).run_dir,
      fs::path("runs") / "longer");
}

TEST_F(ExtendConfigTest, AStageIsTheSameRunWhateverComesAfterIt) {
  const auto identity_of = [&](const Overrides& overrides) {
    return identity(stage_configs(load(overrides))[0]);
  };
  const std::string base = identity_of({});
  EXPECT_EQ(identity_of({"extend.stages=[{length: 1024, steps: 10}]"}), base);
  EXPECT_EQ(identity_of({"extend.report.window=32", "train.log_every=3"}), base);
  EXPECT_NE(identity_of({"extend.carry.optimizer=false"}), base);
  EXPECT_NE(identity_of({"extend.positions=interpolate"}), base);
  EXPECT_NE(identity_of({"samples.mixture=[{length: 128, share: 0.5}]"}), base);
  const Overrides longer{"extend.stages=[{length: 512, steps: 10}, {length: 1024, steps: 10}]"};
  EXPECT_NE(identity(stage_configs(load(longer))[1]), base) << "it starts from another stage";
}

TEST_F(ExtendConfigTest, RotaryBaseIsTheCheckpointsTheConfigurationsOrTheStages) {
  const Overrides stages{
      "extend.stages=[{length: 1024, steps: 1}, {length: 2048, steps: 1, rotary_base: 9000}, {length: 4096, "
      "steps: 1}]",
      "extend.report.window=64"};
  auto configs = stage_configs(load(stages, "rotary"));
  EXPECT_DOUBLE_EQ(configs[0].model.positions.rotary_base, 500);
  EXPECT_DOUBLE_EQ(configs[1].model.positions.rotary_base, 9000);
  EXPECT_DOUBLE_EQ(configs[2].model.positions.rotary_base, 9000);  // goes over to the next stage
  Overrides based = stages;
  based.push_back("model.positions.rotary_base=2000");
  configs = stage_configs(load(based, "rotary"));
  EXPECT_DOUBLE_EQ(configs[0].model.positions.rotary_base, 2000);
  EXPECT_DOUBLE_EQ(configs[1].model.positions.rotary_base, 9000);
  expect_message(stages,
                 "extend.stages[1].rotary_base: expected none, since the model has learned positions");
}

TEST_F(ExtendConfigTest, SaysInOneLineWhatCannotBe) {
  EXPECT_NE(message_of({"model.init_from=nowhere"}, "gone").find("gone: no such run"), std::string::npos);
  try {
    load_extend_config(folder_ / "longer.yaml", {});
    FAIL();
  } catch (const UsageError& error) {
    EXPECT_NE(std::string(error.what()).find("model.init_from: expected the run to start from"),
              std::string::npos);
  }
  expect_message({"extend.stages=[]"}, "extend.stages: expected at least one");
  expect_message({"extend.stages=[{length: 2048, steps: 1}, {length: 1024, steps: 1}]"},
                 "stages[1].length: expected more than the stage before, 2048, got 1024");
  expect_message({"extend.stages=[{length: 1024, steps: 1}, {length: 1024, steps: 1}]"}, "stages[1].length");
  expect_message({"extend.stages=[{length: 1024}]"}, "steps: expected a number of steps, got none");
  expect_message({"extend.stages=[{length: 1024, steps: 1000000001}]"}, "steps: expected");
  expect_message({"extend.stages=[{length: 256, steps: 1}]"},
                 "extend.stages[0].length: expected at least the 512 positions of");
  expect_message({"batch.tokens=null", "batch.sequences=8"}, "batch.sequences: expected none");
  expect_message({"batch.tokens=2000"}, "batch.tokens: expected at least 2048");
  expect_message({"train.max_minutes=3"}, "train.max_minutes: expected null");
  expect_message({"extend.report.window=511"}, "extend.report.window: expected at most 510");
  EXPECT_EQ(report_window(load({"extend.report.window=null"})), 256);
  EXPECT_EQ(report_window(load({"extend.report.window=null", "extend.report.lengths=[128, 512]"})), 64);
  EXPECT_EQ(report_window(load({"extend.report.window=100"})), 100);
  expect_message({"extend.report.lengths=[512, 1024, 1024]"}, "expected rising ones, got 1024 after 1024");
  expect_message({"extend.report.lengths=[]"}, "extend.report.lengths: expected at least one");
  expect_message({"samples.mixture=[{length: 128, share: 0.6}, {length: 256, share: 0.4}]"},
                 "samples.mixture: expected shares below 1 together");
  expect_message({"extend.positions=stretch"}, "extend.positions: expected one of tile, interpolate");
}

TEST_F(ExtendConfigTest, AFinetunedModelIsRefused) {
  save("rte", "task: {name: rte}\nmodel: {vocabulary_size: 77}\n");
  expect_message({}, "expected a pretrained model, got one fine-tuned for rte", "rte");
}

TEST_F(ExtendConfigTest, WhatTheStagesSayIsNotGivenBesideThem) {
  const auto refuses = [&](const std::string& key, const std::string& value) {
    expect_message({key + "=" + value},
                   "command line: " + key + ": expected none, since extend.stages says it, got " + value);
    EXPECT_NE(message_of({key + "=abc"}).find(key + ": expected"), std::string::npos);
  };
  refuses("train.steps", "31");
  refuses("train.epochs", "3");
  refuses("samples.max_length", "64");
  refuses("model.positions.max_length", "1024");
  // What its own config.yaml says, and null.
  for (const char* same : {"train.steps=30", "train.steps=null", "train.epochs=null",
                           "samples.max_length=512", "model.positions.max_length=512"}) {
    EXPECT_EQ(message_of({same}), "nothing thrown") << same;
  }
  std::ofstream(folder_ / "longer.yaml") << "extend: {stages: [{length: 1024, steps: 10}]}\n"
                                            "batch: {tokens: 4096}\ntrain:\n  steps: 11\n";
  expect_message({}, "longer.yaml:4:10: train.steps: expected none, since extend.stages says it, got 11");
}

TEST_F(ExtendConfigTest, AConfigurationOfPretrainingMayBeExtended) {
  std::ofstream(folder_ / "short.yaml") << "train: {steps: 7, seed: 3}\nsamples: {max_length: 64}\n"
                                           "model: {positions: {max_length: 64}}\n";
  std::ofstream(folder_ / "longer.yaml") << "extends: short.yaml\nbatch: {tokens: 4096}\n"
                                            "extend: {stages: [{length: 1024, steps: 10}]}\n";
  const RunConfig config = load({});
  EXPECT_EQ(config.train.steps, 10);
  EXPECT_EQ(config.train.seed, 3u);
  EXPECT_EQ(config.samples.max_length, 512);
  EXPECT_EQ(config.model.positions.max_length, 512);
  std::ofstream(folder_ / "short.yaml") << "train: {steps: many}\n";
  expect_message({}, "short.yaml:1:16: train.steps: expected");
}

TEST_F(ExtendConfigTest, StartsAgainFromItsOwnConfiguration) {
  const RunConfig config = load({"run_dir=out"});
  std::ofstream(folder_ / "config.yaml") << to_yaml(config);
  EXPECT_EQ(to_yaml(load_extend_config(folder_ / "config.yaml", {})), to_yaml(config));
}

TEST_F(ExtendConfigTest, TheLastStageTrainedStandsForTheExtension) {
  for (const char* stage : {"length-96", "length-512", "length-1024"})
    save(std::string("extended/") + stage, "model: {width: 96}\n");
  const fs::path run = folder_ / "extended";
  EXPECT_THROW(find_checkpoint(run), CheckpointError) << "nothing says that it is one";
  const auto say = [&](const std::string& stages) {
    std::ofstream(run / "config.yaml") << "extend: {stages: [" << stages << "]}\n";
  };
  say("{length: 96, steps: 1}, {length: 512, steps: 1}");
  const fs::path step = fs::path("checkpoints") / "step-00000001";
  EXPECT_EQ(find_checkpoint(run), run / "length-512" / step) << "1024 is none of its stages";
  say("{length: 96, steps: 1}, {length: 512, steps: 1}, {length: 1024, steps: 1}, {length: 2048, steps: 1}");
  EXPECT_EQ(find_checkpoint(run), run / "length-1024" / step);
  fs::rename(run / "length-1024" / step, run / "length-1024" / "checkpoints" / "step-00000000");
  EXPECT_EQ(find_checkpoint(run), run / "length-512" / step) << "1024 was not trained";
  for (const char* stage : {"length-96", "length-512"}) fs::remove_all(run / stage / step);
  try {
    find_checkpoint(run);
    FAIL();
  } catch (const CheckpointError& error) {
    EXPECT_NE(std::string(error.what()).find("no stage of this extension has been trained"),
              std::string::npos);
  }
}

}  // namespace
}  // namespace mabert::app
