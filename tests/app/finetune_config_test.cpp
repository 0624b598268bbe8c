#include <filesystem>
#include <fstream>
#include <string>
#include <unistd.h>

#include <ATen/ops/zeros.h>
#include <gtest/gtest.h>

#include "mabert/app/loaded_model.h"
#include "mabert/app/run_config.h"
#include "mabert/core/error.h"
#include "mabert/train/checkpoint.h"

namespace mabert::app {
namespace {

namespace fs = std::filesystem;

class FinetuneConfigTest : public testing::Test {
 protected:
  FinetuneConfigTest() {
    fs::create_directories(folder_);
    write("task.yaml",
          "task: {name: rte}\nmodel: {dropout: 0.1}\nsamples: {max_length: 64}\nbatch: {sequences: 8}\n");
  }
  ~FinetuneConfigTest() override { fs::remove_all(folder_); }

  void write(const std::string& name, const std::string& text) const {
    std::ofstream(folder_ / name) << text;
  }

  /// A checkpoint that says so of itself.
  void save(const fs::path& directory, const std::string& config) const {
    fs::create_directories(directory.parent_path());
    train::CheckpointContent content;
    content.model = {{"weight", at::zeros({1})}};
    content.config_yaml = config;
    content.state_json = "{}";
    content.tokenizer = "none";
    train::save_checkpoint(directory, content);
  }

  static std::string message_of(const std::function<void()>& function) {
    try {
      function();
    } catch (const Error& error) {
      return error.what();
    }
    return "nothing thrown";
  }

  const fs::path folder_ =
      fs::temp_directory_path() / ("mabert-finetune-config-" + std::to_string(::getpid()));
};

TEST_F(FinetuneConfigTest, ModelIsThatOfTheCheckpointWithWhatTheFileSaysOverIt) {
  save(folder_ / "run" / "checkpoints" / "step-00000001",
       "model: {width: 96, num_layers: 5, pooling: mean, vocabulary_size: 77, layer_pattern: [transformer], "
       "blocks: {transformer: {mixer: {type: "
       "attention, heads: 3}}}}\noptimizer: {learning_rate: 0.5}\ntrain: {steps: 3}\n");
  const RunConfig config = load_finetune_config(
      folder_ / "task.yaml",
      {"model.init_from=" + (folder_ / "run").string(), "model.pooling=cls", "train.epochs=2"});
  EXPECT_EQ(config.model.width, 96);
  EXPECT_EQ(config.model.num_layers, 5);
  EXPECT_EQ(config.model.vocabulary_size, 77);
  EXPECT_EQ(config.model.pooling, nn::PoolingType::cls);
  EXPECT_DOUBLE_EQ(config.model.dropout, 0.1);
  EXPECT_NE(config.optimizer.learning_rate, 0.5) << "only the model is taken over";
  EXPECT_FALSE(config.train.steps.has_value());
  EXPECT_EQ(config.model.init_from, folder_ / "run");
  EXPECT_EQ(config.run_dir, fs::path("runs") / "task");
  // What a run keeps needs the checkpoint no more.
  fs::remove_all(folder_ / "run");
  EXPECT_EQ(to_yaml(parse_run_config(to_yaml(config), "config.yaml", {})), to_yaml(config));
}

TEST_F(FinetuneConfigTest, SaysWhatIsMissingToStartFrom) {
  const auto load = [&](const std::vector<std::string>& overrides) {
    return message_of([&] { load_finetune_config(folder_ / "task.yaml", overrides); });
  };
  EXPECT_NE(load({}).find("model.init_from: expected the run to start from"), std::string::npos) << load({});
  EXPECT_NE(load({"model.init_from=nowhere"}).find("nowhere"), std::string::npos);
}

TEST_F(FinetuneConfigTest, SamplesLongerThanTheCheckpointsPositionsAreRefused) {
  save(folder_ / "run" / "checkpoints" / "step-00000001",
       "model: {vocabulary_size: 77, positions: {max_length: 32}}\n"
       "samples: {max_length: 32}\n");
  const std::string message = message_of([&] {
    load_finetune_config(folder_ / "task.yaml", {"model.init_from=" + (folder_ / "run").string()});
  });
  EXPECT_NE(message.find("samples.max_length: expected at most model.positions.max_length (32), got 64"),
            std::string::npos)
      << message;
}

TEST_F(FinetuneConfigTest, OneSeedStandsForItsRunSeveralDoNot) {
  save(folder_ / "rte" / "seed-3" / "checkpoints" / "step-00000001", "model: {width: 96}\n");
  EXPECT_EQ(find_checkpoint(folder_ / "rte"), folder_ / "rte" / "seed-3" / "checkpoints" / "step-00000001");
  save(folder_ / "rte" / "seed-4" / "checkpoints" / "step-00000001", "model: {width: 96}\n");
  const std::string message = message_of([&] { find_checkpoint(folder_ / "rte"); });
  EXPECT_NE(message.find("2 seeds; name one"), std::string::npos) << message;
}

}  // namespace
}  // namespace mabert::app
