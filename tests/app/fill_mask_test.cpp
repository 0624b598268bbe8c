#include "mabert/app/fill_mask.h"

#include <fstream>
#include <unistd.h>

#include <gtest/gtest.h>

#include "mabert/data/tokenizer_training.h"
#include "mabert/nn/initialize.h"

namespace mabert::app {
namespace {

namespace fs = std::filesystem;

class FillMaskTest : public testing::Test {
 protected:
  static void SetUpTestSuite() {
    const fs::path folder = fs::temp_directory_path() / ("mabert-fill-" + std::to_string(::getpid()));
    fs::create_directories(folder);
    std::ofstream text(folder / "text.txt");
    for (int i = 0; i < 50; ++i)
      text << "The capital of France is Paris. Unhappy birds sing in the capital.\n\n";
    text.close();
    data::TokenizerOptions options;
    options.inputs = {(folder / "text.txt").string()};
    options.output = folder / "tokenizer.model";
    options.vocabulary_size = 34;
    data::train_tokenizer(options);
    tokenizer_ = data::load_tokenizer(options.output);
    fs::remove_all(folder);
  }
  static std::shared_ptr<const data::Tokenizer> tokenizer_;
};
std::shared_ptr<const data::Tokenizer> FillMaskTest::tokenizer_;

TEST_F(FillMaskTest, MasksStandWhereTheTextSaysSo) {
  const MaskedText text = encode_masked(*tokenizer_, "The capital of [MASK] is [MASK].");
  ASSERT_EQ(text.mask_rows.size(), 2u);
  EXPECT_EQ(text.ids.front(), tokenizer_->special().cls);
  EXPECT_EQ(text.ids.back(), tokenizer_->special().sep);
  for (const std::int32_t row : text.mask_rows) EXPECT_EQ(text.ids.at(row), tokenizer_->special().mask);
}

TEST_F(FillMaskTest, NoWordBoundaryIsInvented) {
  // What follows a mask without a space must not begin with the piece of a space.
  const MaskedText glued = encode_masked(*tokenizer_, "[MASK]happy");
  EXPECT_NE(tokenizer_->piece(glued.ids.at(2)).substr(0, 3), "\u2581");
  const MaskedText apart = encode_masked(*tokenizer_, "[MASK] happy");
  EXPECT_EQ(tokenizer_->piece(apart.ids.at(2)).substr(0, 3), "\u2581");
}

TEST_F(FillMaskTest, OrdinaryTextNeverSpellsASpecialToken) {
  const MaskedText text = encode_masked(*tokenizer_, "[CLS] [SEP] [PAD] [mask] [MASK");
  EXPECT_TRUE(text.mask_rows.empty());
  for (std::size_t i = 1; i + 1 < text.ids.size(); ++i) {
    EXPECT_TRUE(text.ids[i] == tokenizer_->special().unknown ||
                text.ids[i] >= tokenizer_->special().first_ordinary);
  }
}

TEST_F(FillMaskTest, CandidatesAreSortedProbabilitiesOfOrdinaryTokens) {
  LoadedModel loaded{
      .checkpoint = {}, .config = {}, .tokenizer = tokenizer_, .device = c10::Device(c10::kCPU)};
  loaded.config.model.vocabulary_size = tokenizer_->vocabulary_size() + 100;  // rows without a piece
  loaded.config.model.width = 16;
  loaded.config.model.num_layers = 3;
  std::get<nn::AttentionOptions>(loaded.config.model.blocks["transformer"].mixer.value).heads = 2;
  loaded.model = nn::MaskedLanguageModel(loaded.config.model);
  nn::initialize_parameters(*loaded.model, loaded.config.model, 1);
  loaded.model->eval();
  const std::vector<MaskedText> texts{encode_masked(*tokenizer_, "The [MASK] of [MASK]."),
                                      encode_masked(*tokenizer_, "no mask"),
                                      encode_masked(*tokenizer_, "[MASK] birds")};
  const auto results = fill_masks(loaded, texts, 1000);
  ASSERT_EQ(results.size(), 3u);
  ASSERT_EQ(results[0].size(), 2u);
  EXPECT_TRUE(results[1].empty());
  double total = 0, previous = 1;
  for (const Candidate& candidate : results[2].at(0)) {
    EXPECT_LT(candidate.id, tokenizer_->vocabulary_size());
    EXPECT_GE(candidate.id, tokenizer_->special().first_ordinary);
    EXPECT_LE(candidate.probability, previous);
    previous = candidate.probability;
    total += candidate.probability;
  }
  EXPECT_GT(total, 0.5);
  EXPECT_LT(total, 1.0);
  // A text's answer does not depend on what it is computed with.
  const auto alone = fill_masks(loaded, {texts[2]}, 3);
  EXPECT_EQ(alone[0][0][0].id, results[2][0][0].id);
  EXPECT_NEAR(alone[0][0][0].probability, results[2][0][0].probability, 1e-6);
}

}  // namespace
}  // namespace mabert::app
