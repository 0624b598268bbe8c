#include "mabert/train/checkpoint.h"

#include "support.h"

#include <fstream>
#include <sys/wait.h>

#include <ATen/ops/arange.h>
#include <ATen/ops/equal.h>

#include "mabert/core/error.h"
#include "mabert/core/random.h"

namespace mabert::train {
namespace {

namespace fs = std::filesystem;
using testing::SystemCalls;

CheckpointContent content(float value) {
  CheckpointContent made;
  made.model = {{"w", at::arange(12).to(at::kFloat).add_(value)}, {"b", at::arange(3).to(at::kFloat)}};
  made.optimizer = {{"step", at::arange(1).to(at::kFloat)}};
  made.state_json = "{\"step\": 1}\n";
  made.config_yaml = "model: {}\n";
  made.tokenizer = std::string("tok\0en", 6);
  return made;
}

class CheckpointTest : public testing::DirectoryTest {
 protected:
  std::size_t entries() const {
    return static_cast<std::size_t>(
        std::distance(fs::directory_iterator(directory_), fs::directory_iterator()));
  }
  float first_value() const { return Checkpoint(path_).model().tensor("w").const_data_ptr<float>()[0]; }
  fs::path path_ = directory_ / "step-00000001";
};

TEST_F(CheckpointTest, RoundTrip) {
  save_checkpoint(path_, content(0));
  const Checkpoint checkpoint(path_);
  EXPECT_TRUE(at::equal(checkpoint.model().tensor("w"), content(0).model[0].tensor));
  EXPECT_TRUE(checkpoint.optimizer().contains("step"));
  EXPECT_EQ(checkpoint.config_yaml(), content(0).config_yaml);
  EXPECT_EQ(checkpoint.tokenizer(), content(0).tokenizer);
  EXPECT_EQ(checkpoint.state_json(), content(0).state_json);
  EXPECT_EQ(entries(), 1u);
  save_checkpoint(path_, content(5));
  EXPECT_EQ(first_value(), 5.0f);
  EXPECT_EQ(entries(), 1u);
}

TEST_F(CheckpointTest, EveryDamagedOrMissingFileIsNamed) {
  for (const char* name : {"model.safetensors", "optimizer.safetensors", "state.json", "config.yaml",
                           "tokenizer.model", "manifest.json"}) {
    save_checkpoint(path_, content(0));
    const std::string good = read_text_file(path_ / name, 1 << 20);
    const auto expect_rejected = [&] {
      try {
        const Checkpoint checkpoint(path_);
        ADD_FAILURE() << name << " damaged, but accepted";
      } catch (const CheckpointError& error) {
        EXPECT_NE(std::string(error.what()).find(name), std::string::npos) << error.what();
        EXPECT_EQ(std::string(error.what()).find('\n'), std::string::npos) << error.what();
      }
    };
    std::ofstream(path_ / name, std::ios::binary) << good.substr(0, good.size() / 2);
    expect_rejected();
    fs::remove(path_ / name);
    expect_rejected();
    if (std::string(name) == "manifest.json") continue;
    for (int trial = 0; trial < 20; ++trial) {
      const Philox draw = Philox::draw(2, 0, static_cast<std::uint64_t>(trial));
      std::string bad = good;
      bad[draw.words[0] % bad.size()] ^= static_cast<char>(1u << (draw.words[1] % 8));
      std::ofstream(path_ / name, std::ios::binary) << bad;
      expect_rejected();
    }
  }
}

TEST_F(CheckpointTest, DamagedManifestIsRejectedOrSaysTheSame) {
  save_checkpoint(path_, content(0));
  const std::string good = read_text_file(path_ / "manifest.json", 1 << 20);
  int rejected = 0;
  for (std::size_t i = 0; i < good.size(); ++i) {
    std::string bad = good;
    bad[i] ^= 2;
    std::ofstream(path_ / "manifest.json", std::ios::binary) << bad;
    try {
      EXPECT_EQ(first_value(), 0.0f);
    } catch (const CheckpointError&) {
      ++rejected;
    }
  }
  EXPECT_GT(rejected, static_cast<int>(good.size() / 2));
}

TEST_F(CheckpointTest, KilledAtAnyMomentLeavesTheOldOneOrTheNewOneOrNothing) {
  int stage = 0;
  bool saw_old = false;
  for (bool finished = false; !finished; ++stage) {
    ASSERT_LT(stage, 200);
    fs::remove_all(directory_);
    fs::create_directories(directory_);
    save_checkpoint(path_, content(0));
    const pid_t child = ::fork();
    if (child == 0) {
      SystemCalls::arm(SystemCalls::Fault::crash, stage);
      save_checkpoint(directory_ / "step-00000002", content(7));
      ::_exit(0);
    }
    int status = 0;
    ::waitpid(child, &status, 0);
    finished = WIFEXITED(status) && WEXITSTATUS(status) == 0;
    ASSERT_TRUE(finished || WEXITSTATUS(status) == 99);
    EXPECT_EQ(first_value(), 0.0f) << "an older checkpoint was touched";
    const fs::path target = directory_ / "step-00000002";
    if (fs::exists(target)) {
      EXPECT_EQ(Checkpoint(target).model().tensor("w").const_data_ptr<float>()[0], 7.0f) << "stage " << stage;
    } else {
      saw_old = true;
      save_checkpoint(target, content(8));  // what is left over does not stand in the way
      EXPECT_EQ(Checkpoint(target).model().tensor("w").const_data_ptr<float>()[0], 8.0f);
    }
  }
  EXPECT_TRUE(saw_old);
  EXPECT_GT(stage, 15);
}

TEST_F(CheckpointTest, FullDiskAtAnyMomentLeavesNothingNew) {
  for (const auto fault : {SystemCalls::Fault::disk_full, SystemCalls::Fault::quota}) {
    bool finished = false;
    int failures = 0;
    for (int stage = 0; !finished && stage < 200; ++stage) {
      fs::remove_all(path_);
      SystemCalls::arm(fault, stage);
      try {
        save_checkpoint(path_, content(1));
        finished = true;
      } catch (const DiskFullError&) {
        ++failures;
      } catch (const std::exception& error) {
        ADD_FAILURE() << "stage " << stage << ": " << error.what();
      }
      SystemCalls::disarm();
      if (!finished && fs::exists(path_)) {
        EXPECT_EQ(first_value(), 1.0f);
      }
      EXPECT_LE(entries(), fs::exists(path_) ? 1u : 0u) << "stage " << stage;
    }
    EXPECT_TRUE(finished);
    EXPECT_GT(failures, 15);
  }
}

TEST_F(CheckpointTest, NoCheckpointThere) {
  EXPECT_THROW(Checkpoint(directory_ / "absent"), CheckpointError);
}

}  // namespace
}  // namespace mabert::train
