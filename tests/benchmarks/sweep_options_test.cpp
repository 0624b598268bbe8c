#include "benchmarks/sweep/sweep_options.h"

#include <filesystem>
#include <fstream>
#include <string>

#include <gtest/gtest.h>

#include "mabert/core/error.h"

namespace mabert::bench {
namespace {

class SweepOptionsTest : public ::testing::Test {
 protected:
  void SetUp() override {
    folder_ = std::filesystem::path(::testing::TempDir()) / "sweep_options_test";
    std::filesystem::create_directories(folder_ / "model");
    for (const char* name : {"a.yaml", "b.yaml", "c.yaml"}) std::ofstream(folder_ / "model" / name) << "{}\n";
  }
  void TearDown() override { std::filesystem::remove_all(folder_); }

  SweepOptions load(const std::string& text, const std::vector<std::string>& overrides = {}) const {
    std::ofstream(folder_ / "sweep.yaml") << text;
    return load_sweep(folder_ / "sweep.yaml", overrides);
  }

  std::string error(const std::string& text, const std::vector<std::string>& overrides = {}) const {
    try {
      load(text, overrides);
    } catch (const UsageError& error) {
      return error.what();
    }
    return "no error";
  }

  static constexpr const char* kModels =
      "models:\n  a: {config: model/a.yaml}\n  b: {config: model/b.yaml, baseline: true}\n";
  std::filesystem::path folder_;
};

TEST_F(SweepOptionsTest, PathsAreRelativeToTheFileAndTheSubjectIsTheOneThatIsNoBaseline) {
  const SweepOptions options = load(std::string(kModels) + "lengths: [64, 32, 64]\ntokens: 128\n",
                                    {"samples=7", "dtypes=[fp32]", "layouts=[padded]", "measures=[latency]"});
  EXPECT_EQ(options.models.at("b").config, folder_ / "model" / "b.yaml");
  EXPECT_EQ(options.subject, "a");
  EXPECT_EQ(options.lengths, (std::vector<std::int64_t>{32, 64}));
  EXPECT_EQ(options.samples, 7);
  EXPECT_EQ(options.dtypes, std::vector{SweepDtype::fp32});
  EXPECT_EQ(options.layouts, std::vector{data::BatchLayout::padded});
  EXPECT_EQ(options.measures, std::vector{SweepMeasure::latency});
}

TEST_F(SweepOptionsTest, ErrorsNameFileLineAndKey) {
  const struct {
    std::string text, expected;
  } cases[] = {
      {"lengths: [512]\n", "sweep.yaml:1:1: models: expected at least one model or operator, got none"},
      {"models:\n  a: {config: model/none.yaml}\n",
       "sweep.yaml:2:15: models.a.config: expected a file, relative to the sweep's, got 'model/none.yaml'"},
      {std::string(kModels) + "lengths: [512]\ntokens: 256\n",
       "sweep.yaml:4:11: lengths[0]: expected at most tokens (256), got 512"},
      {std::string(kModels) + "lengths: [48]\ntokens: 64\n",
       "sweep.yaml:4:11: lengths[0]: expected a divisor of tokens (64), got 48"},
      {std::string(kModels) + "lengths: [64]\ntokens: 64\npadded_fractions: [0, 0.5]\n",
       "lengths[0]: expected a length at which tokens (64) fill one sequence and some of 1 more, as a padded "
       "fraction wants, got 64"},
      {std::string(kModels) + "subject: d\n", "subject: expected one of a, b, got d"},
      {"models:\n  a: {config: model/a.yaml}\n  b: {config: model/b.yaml}\n",
       "subject: expected a name, since 2 models are no baselines, got none"},
      {std::string(kModels) + "groups: {all: [a, d]}\n",
       "groups.all[1]: expected one of a, b, or framework/name, got d"},
      {std::string(kModels) + "groups: {all: []}\n", "groups.all: expected at least one entry, got none"},
      {std::string(kModels) + "groups: {all: [pytorch/]}\n", "groups.all[0]: expected one of a, b, or"},
      {std::string(kModels) + "counterparts: {a: pytorch/x}\n",
       "counterparts.a: expected the name of a baseline"},
      {std::string(kModels) + "counterparts: {b: x}\n", "counterparts.b: expected framework/name"},
      {std::string(kModels) + "lengths: [512]\ntokens: 1024\npadded_fractions: [0.25]\n",
       "padded_fractions[0]: expected a share that whole sequences can give within 0.05"},
      {std::string(kModels) + "warm_up: 1\n", "warm_up: expected"},
      {"operators: [selective_scan, convolution]\n", "operators[1]: expected one of selective_scan, "},
      {std::string(kModels) + "measures: [speed]\n", "sweep.yaml:4:12: measures[0]: expected"},
      {std::string(kModels) + "measures: []\n", "measures: expected at least one entry, got none"},
      {std::string(kModels) + "padded_fractions: [1]\n", "padded_fractions[0]: expected"},
      {std::string(kModels) + "channels: 100\n", "channels: expected"},
      {"models:\n  a: {baseline: true}\n", "models.a.config: expected a file, got none"},
      {std::string(kModels) + "length: [512]\n", "length"},
  };
  for (const auto& [text, expected] : cases) {
    EXPECT_NE(error(text).find(expected), std::string::npos) << error(text) << "\nexpected: " << expected;
  }
  EXPECT_NE(error(kModels, {"samples=1"}).find("samples"), std::string::npos);
}

TEST_F(SweepOptionsTest, ACpuHasNoGraphsAndComputesInFloat32) {
  const c10::Device cpu(c10::kCPU), cuda(c10::kCUDA, 0);
  EXPECT_EQ(resolve_dtype(SweepDtype::automatic, cpu), at::kFloat);
  EXPECT_EQ(resolve_dtype(SweepDtype::automatic, cuda), at::kBFloat16);
  EXPECT_EQ(resolve_dtype(SweepDtype::fp16, cuda), at::kHalf);
  EXPECT_THROW(resolve_dtype(SweepDtype::bf16, cpu), UsageError);
  const std::vector both{SweepPath::eager, SweepPath::graph};
  EXPECT_EQ(resolve_paths(both, cpu), std::vector{SweepPath::eager});
  EXPECT_EQ(resolve_paths(both, cuda), both);
  EXPECT_THROW(resolve_paths({SweepPath::graph}, cpu), UsageError);
}

TEST_F(SweepOptionsTest, PaddedBatchesHaveMoreSequencesForTheSameTokens) {
  EXPECT_EQ(sequences_for(16384, 512, 0), 32);
  EXPECT_EQ(sequences_for(16384, 512, 0.5), 64);
  EXPECT_EQ(sequences_for(16384, 4096, 0.75), 16);
  EXPECT_EQ(sequences_for(16384, 512, 0.25), 43);
}

}  // namespace
}  // namespace mabert::bench
