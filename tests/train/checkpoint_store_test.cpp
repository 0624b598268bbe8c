#include "mabert/train/checkpoint_store.h"

#include "support.h"

#include <fstream>

#include <ATen/ops/full.h>

#include "mabert/core/error.h"

namespace mabert::train {
namespace {

namespace fs = std::filesystem;

CheckpointContent content(double value) { return {{{"w", at::full({4}, value)}}, {}, "{}\n", "a: 1\n", "t"}; }

class CheckpointStoreTest : public testing::DirectoryTest {
 protected:
  void damage(std::int64_t step) {
    std::ofstream(store_.path_of(step) / "model.safetensors", std::ios::app) << "x";
  }
  CheckpointStore store_{directory_ / "checkpoints", 2};
};

TEST_F(CheckpointStoreTest, KeepsTheLastFewAndTheBest) {
  for (std::int64_t step = 1; step <= 6; ++step) store_.save(step * 10, content(1), step == 2);
  EXPECT_EQ(store_.steps(), (std::vector<std::int64_t>{20, 50, 60}));
  EXPECT_EQ(store_.pointer("last"), 60);
  EXPECT_EQ(store_.pointer("best"), 20);
  EXPECT_EQ(store_.path_of(20).filename(), "step-00000020");
  store_.save(70, content(1), true);
  EXPECT_EQ(store_.steps(), (std::vector<std::int64_t>{60, 70}));
}

TEST_F(CheckpointStoreTest, NewestGoodPassesOverDamagedOnes) {
  std::vector<std::string> problems;
  EXPECT_FALSE(store_.newest_good(problems));
  store_.save(1, content(1), false);
  store_.save(2, content(2), false);
  fs::create_directories(store_.path_of(3));  // partial: no manifest
  fs::create_directories(directory_ / "checkpoints" / "step-00000009.part");
  damage(2);
  const auto found = store_.newest_good(problems);
  ASSERT_TRUE(found);
  EXPECT_EQ(found->step, 1);
  EXPECT_EQ(problems.size(), 2u);
  store_.point_at(1, 5);
  EXPECT_EQ(store_.pointer("last"), 1);
  EXPECT_FALSE(store_.pointer("best"));
  EXPECT_FALSE(fs::exists(directory_ / "checkpoints" / "step-00000009.part"));
  store_.save(2, content(4), false);  // in place of the damaged one
  EXPECT_EQ(store_.newest_good(problems)->step, 2);
}

TEST_F(CheckpointStoreTest, KilledWhileReplacingACheckpointFindsTheEarlierOne) {
  store_.save(1, content(1), false);
  store_.save(2, content(2), false);
  fs::rename(store_.path_of(2), store_.path_of(2).string() + ".old.part");
  std::vector<std::string> problems;
  const auto found = store_.newest_good(problems);
  ASSERT_TRUE(found);
  EXPECT_EQ(found->step, 2);
  EXPECT_TRUE(problems.empty());
}

TEST_F(CheckpointStoreTest, AFolderThatCannotBeListedIsNotTakenForAnEmptyOne) {
  EXPECT_TRUE(store_.steps().empty());
  fs::create_symlink("checkpoints", directory_ / "checkpoints");  // leads to itself
  EXPECT_THROW(store_.steps(), DataError);
}

TEST_F(CheckpointStoreTest, ResolvesARunOrACheckpoint) {
  EXPECT_THROW(resolve_checkpoint(directory_ / "absent"), CheckpointError);
  EXPECT_THROW(resolve_checkpoint(directory_), CheckpointError);
  store_.save(1, content(1), true);
  store_.save(2, content(2), false);
  EXPECT_EQ(resolve_checkpoint(directory_), store_.path_of(1));
  EXPECT_EQ(resolve_checkpoint(store_.path_of(2)), store_.path_of(2));
  EXPECT_EQ(resolve_checkpoint(directory_ / "checkpoints" / "last"), store_.path_of(2));
  fs::remove(directory_ / "checkpoints" / "best");
  EXPECT_EQ(resolve_checkpoint(directory_), store_.path_of(2));
  fs::remove(directory_ / "checkpoints" / "last");
  EXPECT_EQ(resolve_checkpoint(directory_), store_.path_of(2));
  fs::remove(store_.path_of(2) / "manifest.json");
  EXPECT_THROW(resolve_checkpoint(store_.path_of(2)), CheckpointError);
  std::ofstream(directory_ / "file") << "x";
  EXPECT_THROW(resolve_checkpoint(directory_ / "file"), CheckpointError);
}

}  // namespace
}  // namespace mabert::train
