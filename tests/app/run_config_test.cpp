#include "mabert/app/run_config.h"

#include <gtest/gtest.h>

#include "mabert/core/error.h"

namespace mabert::app {
namespace {

const std::filesystem::path kConfigs = std::filesystem::path(MABERT_SOURCE_DIR) / "configs";

TEST(RunConfigTest, EveryShippedConfigurationReads) {
  int files = 0;
  for (const char* folder : {"model", "pretrain"}) {
    for (const auto& entry : std::filesystem::directory_iterator(kConfigs / folder)) {
      SCOPED_TRACE(entry.path().string());
      const RunConfig config = load_run_config(entry.path(), {});
      EXPECT_EQ(*config.run_dir,
                std::string(folder) == "model" ? "runs" / entry.path().stem() : *config.run_dir);
      EXPECT_EQ(config.model.vocabulary_size > 0, std::string(folder) == "model");  // 0: the tokenizer's
      ++files;
    }
  }
  EXPECT_GE(files, 14);
}

TEST(RunConfigTest, ResolvedTextReadsBackTheSame) {
  const RunConfig config = load_run_config(kConfigs / "pretrain" / "mabert-tiny.yaml", {"train.steps=7"});
  const std::string text = to_yaml(config);
  EXPECT_EQ(to_yaml(parse_run_config(text, "config.yaml", {})), text);
  EXPECT_EQ(config.train.steps, 7);
}

TEST(RunConfigTest, SamplesLongerThanThePositionsAreRefused) {
  try {
    load_run_config(kConfigs / "pretrain" / "mabert-tiny.yaml", {"samples.max_length=100000"});
    FAIL();
  } catch (const UsageError& error) {
    EXPECT_NE(std::string(error.what()).find("samples.max_length"), std::string::npos) << error.what();
  }
}

TEST(RunConfigTest, IdentityIgnoresWhatOnlyDecidesHowOftenOrWhere) {
  const auto identity_with = [](const std::vector<std::string>& overrides) {
    return identity(load_run_config(kConfigs / "pretrain" / "mabert-tiny.yaml", overrides));
  };
  const std::string base = identity_with({});
  EXPECT_EQ(identity_with({"run_dir=elsewhere", "train.log_every=3", "train.device=cpu", "train.graph=off",
                           "tokenizer.inputs=[x]", "batch.prefetch=0", "batch.workers=3"}),
            base);
  for (const char* change :
       {"train.seed=9", "train.steps=9", "optimizer.learning_rate=0.5", "model.width=512", "masking.rate=0.3",
        "samples.max_length=64", "data.shards=other", "train.precision=bfloat16"}) {
    EXPECT_NE(identity_with({change}), base) << change;
  }
}

}  // namespace
}  // namespace mabert::app
