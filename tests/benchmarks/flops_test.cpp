#include "benchmarks/model/flops.h"

#include <vector>

#include <gtest/gtest.h>

namespace mabert::bench {
namespace {

// The options of configs/model/bert-base.yaml.
nn::ModelOptions bert_base() {
  nn::ModelOptions options;
  options.vocabulary_size = 30522;
  options.layer_pattern = {"transformer"};
  return options;
}

double pairs_by_counting(std::int64_t length, const nn::AttentionOptions& attention) {
  double pairs = 0;
  for (std::int64_t i = 0; i < length; ++i) {
    for (std::int64_t j = 0; j < length; ++j) {
      if (attention.causal && j > i) continue;
      if (i - j > attention.window_left.value_or(length)) continue;
      if (j - i > attention.window_right.value_or(length)) continue;
      ++pairs;
    }
  }
  return pairs;
}

TEST(FlopsTest, BertBase) {
  // Per token and layer: 4 · 768² + 2 · 768 · 3072 = 7,077,888 products; attention 4 · 768 a pair.
  const ModelFlops flops = encoder_flops(bert_base(), std::vector<std::int64_t>{512, 512});
  EXPECT_DOUBLE_EQ(flops.matrix, 1024.0 * 12 * 2 * 7'077'888);
  EXPECT_DOUBLE_EQ(flops.attention, 12 * 2 * (4 * 768.0 * 512 * 512));
  EXPECT_EQ(flops.scan, 0);
  EXPECT_DOUBLE_EQ(training_products(flops), 3 * (flops.matrix + flops.attention));
}

TEST(FlopsTest, MabertBase) {
  // Mamba, per token: 768 · 3072 + 1536 · 80 + 48 · 1536 + 1536 · 768 = 3,735,552 products, 8 such layers.
  nn::ModelOptions options = bert_base();
  options.layer_pattern = {"mamba", "mamba", "transformer"};
  const ModelFlops flops = encoder_flops(options, std::vector<std::int64_t>{4096});
  EXPECT_DOUBLE_EQ(flops.matrix, 4096.0 * 2 * (8.0 * 3'735'552 + 4.0 * 7'077'888));
  EXPECT_DOUBLE_EQ(flops.attention, 4 * (4 * 768.0 * 4096 * 4096));
  EXPECT_DOUBLE_EQ(flops.scan, 4096.0 * 8 * 1536 * (6 * 16 + 5 + 2 * 4));
}

TEST(FlopsTest, BothDirectionsShareInputOutputAndHaveTheRestTwice) {
  nn::ModelOptions options = bert_base();
  options.num_layers = 1;
  options.layer_pattern = {"mamba"};
  nn::MambaOptions mamba;
  mamba.direction = nn::MambaDirection::bidirectional;
  options.blocks["mamba"].mixer.value = mamba;
  const ModelFlops flops = encoder_flops(options, std::vector<std::int64_t>{10});
  EXPECT_DOUBLE_EQ(flops.matrix, 10 * 2.0 * (768 * 3072 + 2 * 1536 * 80 + 2 * 48 * 1536 + 1536 * 768));
  EXPECT_DOUBLE_EQ(flops.scan, 10 * 2.0 * 1536 * 109);
}

TEST(FlopsTest, AGateIsAThirdProjectionAndSharedLayersCountEachTime) {
  nn::ModelOptions options = bert_base();
  options.share_layers = true;
  options.blocks["transformer"].feed_forward->activation = nn::Activation::geglu;
  const ModelFlops flops = encoder_flops(options, std::vector<std::int64_t>{1});
  EXPECT_DOUBLE_EQ(flops.matrix, 12 * 2.0 * (4 * 768 * 768 + 3 * 768 * 3072));
}

TEST(FlopsTest, TheHeadHasThePaddedVocabulary) {
  EXPECT_DOUBLE_EQ(head_flops(bert_base(), 100).matrix, 100 * 2.0 * 768 * (768 + 30528));
}

TEST(FlopsTest, VisiblePairsOfWindows) {
  for (const std::int64_t length : {1, 2, 7, 64, 65, 200}) {
    for (const bool causal : {false, true}) {
      for (const std::optional<std::int64_t> left : {std::optional<std::int64_t>{}, {0}, {3}, {64}, {500}}) {
        nn::AttentionOptions attention;
        attention.causal = causal;
        attention.window_left = left;
        if (!causal) attention.window_right = 5;
        EXPECT_DOUBLE_EQ(visible_pairs(length, attention), pairs_by_counting(length, attention))
            << length << " " << causal << " " << left.value_or(-1);
      }
    }
  }
}

}  // namespace
}  // namespace mabert::bench
