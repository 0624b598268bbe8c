#include "src/app/context_model.h"

#include <gtest/gtest.h>

#include "mabert/nn/initialize.h"
#include "mabert/train/module_state.h"

namespace mabert::app {
namespace {

ContextModel model_with(nn::PositionType type) {
  RunConfig config;
  nn::ModelOptions& options = config.model;
  options.vocabulary_size = 30;
  options.width = 16;
  options.num_layers = 1;
  options.layer_pattern = {"transformer"};
  options.blocks["transformer"].mixer.value = nn::AttentionOptions{.heads = 2};
  options.blocks["transformer"].feed_forward->size = 32;
  options.positions.max_length = 8;
  options.positions.type = type;
  nn::MaskedLanguageModel model(options);
  nn::initialize_parameters(*model, options, 1);
  return {"m", "runs/m", {"runs/m", config, nullptr, model, c10::kCPU}, 8, std::nullopt};
}

TEST(ContextModelTest, LearnedPositionsAreGrownAndNothingElseChanges) {
  ContextModel model = model_with(nn::PositionType::learned);
  const auto before = train::module_parameters(*model.loaded.model);
  extend_positions(model, 20, nn::PositionGrowth::tile);
  const auto after = train::module_parameters(*model.loaded.model);
  EXPECT_EQ(model.grown, nn::PositionGrowth::tile);
  EXPECT_EQ(model.loaded.model->options().positions.max_length, 20);
  ASSERT_EQ(before.size(), after.size());
  int grown = 0;
  for (std::size_t i = 0; i < before.size(); ++i) {
    ASSERT_EQ(after[i].name, before[i].name);
    if (after[i].tensor.sizes() == before[i].tensor.sizes()) {
      EXPECT_TRUE(after[i].tensor.equal(before[i].tensor)) << after[i].name;
      continue;
    }
    ++grown;
    EXPECT_TRUE(after[i].tensor.slice(0, 0, 8).equal(before[i].tensor));
    EXPECT_TRUE(after[i].tensor.slice(0, 8, 16).equal(before[i].tensor));
    EXPECT_TRUE(after[i].tensor.slice(0, 16, 20).equal(before[i].tensor.slice(0, 0, 4)));
  }
  EXPECT_EQ(grown, 1);
  EXPECT_FALSE(model.loaded.model->is_training());
  EXPECT_EQ(positions_text(model), "learned, 8 tiled to 20");
  ContextModel stretched = model_with(nn::PositionType::learned);
  extend_positions(stretched, 20, nn::PositionGrowth::interpolate);
  EXPECT_EQ(positions_text(stretched), "learned, 8 interpolated to 20");
}

TEST(ContextModelTest, ARemarkSaysOnlyWhatIsGrown) {
  nn::PositionOptions positions{.type = nn::PositionType::learned, .max_length = 512};
  EXPECT_EQ(growth_remark(positions, 512, nn::PositionGrowth::tile), "");
  EXPECT_EQ(growth_remark(positions, 513, nn::PositionGrowth::tile), ", positions tiled");
  EXPECT_EQ(growth_remark(positions, 513, nn::PositionGrowth::interpolate), ", positions interpolated");
  positions.type = nn::PositionType::rotary;
  EXPECT_EQ(growth_remark(positions, 512, nn::PositionGrowth::tile), "");
  EXPECT_EQ(growth_remark(positions, 513, nn::PositionGrowth::tile), ", beyond its 512 positions");
}

TEST(ContextModelTest, EnoughPositionsStayAsTheyAre) {
  ContextModel model = model_with(nn::PositionType::learned);
  const auto before = train::module_parameters(*model.loaded.model);
  extend_positions(model, 8, nn::PositionGrowth::tile);
  EXPECT_FALSE(model.grown.has_value());
  EXPECT_TRUE(train::module_parameters(*model.loaded.model)[0].tensor.is_same(before[0].tensor));
  EXPECT_EQ(positions_text(model), "learned, 8");
}

TEST(ContextModelTest, RotaryModelsOnlyTakeLongerTexts) {
  ContextModel model = model_with(nn::PositionType::rotary);
  extend_positions(model, 20, nn::PositionGrowth::tile);
  EXPECT_FALSE(model.grown.has_value());
  EXPECT_EQ(model.loaded.model->options().positions.max_length, 20);
  EXPECT_EQ(positions_text(model), "rotary, 8 used up to 20");
}

}  // namespace
}  // namespace mabert::app
