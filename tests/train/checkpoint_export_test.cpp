#include "mabert/train/checkpoint_export.h"

#include "support.h"

#include <ATen/ops/arange.h>
#include <ATen/ops/equal.h>
#include <ATen/ops/full.h>

#include "mabert/core/error.h"

namespace mabert::train {
namespace {

namespace fs = std::filesystem;

class CheckpointExportTest : public testing::DirectoryTest {
 protected:
  CheckpointExportTest() {
    content_.model = {{"w", at::arange(300).to(at::kFloat).mul_(0.37).view({3, 100})}, {"n", at::arange(4)}};
    content_.optimizer = {{"step", at::arange(1).to(at::kFloat)}};
    content_.state_json = "{\"step\": 1}\n";
    content_.config_yaml = "model: {}\n";
    content_.tokenizer = std::string("tok\0en", 6);
    save_checkpoint(path_, content_);
  }
  CheckpointContent content_;
  fs::path path_ = directory_ / "step-00000001";
};

TEST_F(CheckpointExportTest, RoundTripsThroughEveryDtype) {
  for (const auto dtype : {at::kFloat, at::kBFloat16, at::kHalf}) {
    const fs::path first = directory_ / (std::string("first") + c10::toString(dtype));
    const fs::path second = directory_ / (std::string("second") + c10::toString(dtype));
    export_checkpoint(Checkpoint(path_), first, dtype);
    export_checkpoint(Checkpoint(first), second, at::kFloat);
    const Checkpoint narrow(first), wide(second);
    const at::Tensor rounded = content_.model[0].tensor.to(dtype);
    EXPECT_EQ(narrow.model().tensor("w").scalar_type(), dtype);
    EXPECT_TRUE(at::equal(narrow.model().tensor("w"), rounded));
    EXPECT_TRUE(at::equal(wide.model().tensor("w"), rounded.to(at::kFloat)));
    for (const Checkpoint* made : {&narrow, &wide}) {
      EXPECT_EQ(made->model().tensor("n").scalar_type(), at::kLong);
      EXPECT_TRUE(at::equal(made->model().tensor("n"), content_.model[1].tensor));
      EXPECT_TRUE(made->optimizer().empty());
      EXPECT_EQ(made->state_json(), content_.state_json);
      EXPECT_EQ(made->config_yaml(), content_.config_yaml);
      EXPECT_EQ(made->tokenizer(), content_.tokenizer);
    }
  }
  EXPECT_FALSE(Checkpoint(path_).optimizer().empty());
}

TEST_F(CheckpointExportTest, RefusesWhatItWouldHarm) {
  const Checkpoint from(path_);
  fs::create_directories(directory_ / "there");
  EXPECT_THROW(export_checkpoint(from, directory_ / "there", at::kFloat), UsageError);
  EXPECT_THROW(export_checkpoint(from, path_, at::kFloat), UsageError);
  EXPECT_THROW(export_checkpoint(from, directory_ / "new", at::kDouble), UsageError);
  content_.model[0].tensor = at::full({2}, 1e6f);
  save_checkpoint(path_, content_);
  EXPECT_THROW(export_checkpoint(Checkpoint(path_), directory_ / "new", at::kHalf), UsageError);
  EXPECT_FALSE(fs::exists(directory_ / "new"));
  EXPECT_NO_THROW(export_checkpoint(Checkpoint(path_), directory_ / "new", at::kBFloat16));
}

TEST_F(CheckpointExportTest, RemovesTheOptimizersStateInPlace) {
  remove_optimizer_state(path_);
  const Checkpoint left(path_);
  EXPECT_TRUE(left.optimizer().empty());
  EXPECT_TRUE(at::equal(left.model().tensor("w"), content_.model[0].tensor));
  EXPECT_EQ(left.state_json(), content_.state_json);
  const auto written = fs::last_write_time(path_ / "manifest.json");
  remove_optimizer_state(path_);
  EXPECT_EQ(fs::last_write_time(path_ / "manifest.json"), written);
  EXPECT_THROW(remove_optimizer_state(directory_ / "absent"), CheckpointError);
}

}  // namespace
}  // namespace mabert::train
