#include "src/app/extend_directory.h"

#include <fstream>
#include <functional>
#include <unistd.h>

#include <gtest/gtest.h>

#include "mabert/app/extend_stages.h"
#include "mabert/core/error.h"

namespace mabert::app {
namespace {

namespace fs = std::filesystem;

class ExtendDirectoryTest : public ::testing::Test {
 protected:
  ~ExtendDirectoryTest() override { fs::remove_all(folder_); }

  static void write(const fs::path& path, const std::string& text) {
    fs::create_directories(path.parent_path());
    std::ofstream(path) << text;
  }

  /// A checkpoint directory of that step; nothing reads what is in it.
  void checkpoint(const std::string& stage, const std::string& step) const {
    write(run_ / stage / "checkpoints" / step / "manifest.json", "{}");
    write(run_ / stage / "checkpoints" / "last", step + "\n");
  }

  std::vector<RunConfig> stages() const {
    RunConfig config;
    config.run_dir = run_;
    config.extend.stages = {{1024, 5, {}, {}}, {2048, 5, {}, {}}};
    return stage_configs(config);
  }

  template <class E>
  static void expect(const std::function<void()>& action, const std::string& part) {
    try {
      action();
      ADD_FAILURE() << "nothing was thrown, expected: " << part;
    } catch (const E& error) {
      EXPECT_NE(std::string(error.what()).find(part), std::string::npos) << error.what();
    }
  }

  void expect_refused(const fs::path& directory, const std::string& part) const {
    expect<UsageError>([&] { require_own_directory(directory, source_, stages()); }, part);
  }

  const fs::path folder_ =
      fs::temp_directory_path() / ("mabert-extend-directory-" + std::to_string(::getpid()));
  const fs::path run_ = folder_ / "run", source_ = folder_ / "short" / "checkpoints" / "step-00000009";
};

TEST_F(ExtendDirectoryTest, AStageHasTrainedWhenItHasACheckpointOfAStep) {
  EXPECT_EQ(trained_stages(stages()), (std::vector<bool>{false, false}));
  checkpoint("length-1024", "step-00000000");
  EXPECT_EQ(trained_stages(stages()), (std::vector<bool>{false, false}));
  write(run_ / "length-1024" / "result.json", R"({"outcome": "interrupted", "step": 0})");
  EXPECT_EQ(trained_stages(stages()), (std::vector<bool>{false, false}));
  checkpoint("length-1024", "step-00000003");
  EXPECT_EQ(trained_stages(stages()), (std::vector<bool>{true, false}));
  fs::rename(run_ / "length-1024/checkpoints/step-00000003",
             run_ / "length-1024/checkpoints/step-00000003.old.part");
  fs::remove_all(run_ / "length-1024/checkpoints/step-00000000");
  EXPECT_EQ(trained_stages(stages()), (std::vector<bool>{true, false})) << "killed while it was replaced";
}

TEST_F(ExtendDirectoryTest, AStageThatLostItsCheckpointsIsNotBegunAnew) {
  const auto lost = [&](const std::string& part) {
    expect<CheckpointError>([&] { trained_stages(stages()); }, part);
  };
  write(run_ / "length-1024" / "result.json", R"({"outcome": "finished", "step": 5})");
  lost("length-1024: was trained up to step 5, but has no checkpoint of it");
  checkpoint("length-1024", "step-00000000");
  lost("up to step 5");
  fs::remove_all(run_);
  write(run_ / "length-1024" / "checkpoints" / "last", "step-00000003\n");
  lost("up to step 3");
  fs::remove_all(run_);
  checkpoint("length-2048", "step-00000002");
  lost("length-1024: no checkpoint here, but");
}

TEST_F(ExtendDirectoryTest, WhatAStartHasLeftIsDiscarded) {
  checkpoint("length-1024", "step-00000000");
  discard_start(stages()[0]);
  EXPECT_FALSE(fs::exists(run_ / "length-1024" / "checkpoints"));
}

TEST_F(ExtendDirectoryTest, TheRunDirectoryIsThisExtensionsOwn) {
  require_own_directory(run_, source_, stages());
  EXPECT_FALSE(fs::exists(folder_)) << "it only looks";
  write(folder_ / "other" / "checkpoints" / "last", "");
  expect_refused(folder_ / "other", "other: holds another run");
  write(folder_ / "tuned" / "config.yaml", "task: {name: rte}\n");
  expect_refused(folder_ / "tuned", "tuned: holds another run");
  fs::create_directories(source_);
  expect_refused(folder_, "the checkpoint to start from");
  expect_refused(folder_ / "short" / "", "holds another run");
  write(run_ / "source.json", "{}");
  expect_refused(run_ / "length-512", "is a stage of the extension in");
  expect_refused(run_ / "length-512" / "", "is a stage of the extension in");
}

TEST_F(ExtendDirectoryTest, StagesMayBeAddedButNotTakenAway) {
  checkpoint("length-1024", "step-00000005");
  expect_refused(run_, "holds length-1024, but no source.json");
  write(run_ / "source.json", "{}");
  require_own_directory(run_, source_, stages());
  checkpoint("length-1536", "step-00000000");
  require_own_directory(run_, source_, stages());
  checkpoint("length-1536", "step-00000001");
  expect_refused(run_, "holds length-1536, which is not one of extend.stages");
}

TEST_F(ExtendDirectoryTest, BeginsWithTheSameWeightsAndData) {
  const ExtensionSource source{source_, "w", "t", "v"};
  require_same_source(run_, source);
  fs::create_directories(run_);
  write_source(run_, source);
  require_same_source(run_, source);
  ExtensionSource other = source;
  other.checksum = "x";
  expect<UsageError>([&] { require_same_source(run_, other); },
                     "began with the weights of " + source_.string());
  other = source;
  other.train = "x";
  expect<UsageError>([&] { require_same_source(run_, other); }, "other data than the 'train' shards");
  other = source;
  other.valid = "";
  expect<UsageError>([&] { require_same_source(run_, other); }, "other data than the 'valid' shards");
}

}  // namespace
}  // namespace mabert::app
