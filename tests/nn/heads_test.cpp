#include "nn/models.h"

#include <gtest/gtest.h>

#include "mabert/core/error.h"
#include "mabert/nn/feed_forward.h"
#include "mabert/nn/masked_language_model.h"
#include "mabert/nn/sequence_classifier.h"
#include "mabert/nn/token_classifier.h"

namespace mabert::nn {
namespace {

using namespace testing;

const std::vector<std::int64_t> kLengths{4, 0, 6};

TEST(HeadsTest, VocabularyIsPaddedAndTied) {
  const ModelOptions options = small_options();
  MaskedLanguageModel model(options);
  randomize(*model, options, 1);
  const at::Tensor hidden = at::randn({10, 16}), rows = at::tensor({9, 2, 2}, at::kInt);
  const at::Tensor logits = model->logits(hidden, rows);
  ASSERT_EQ(logits.sizes(), (at::IntArrayRef{3, 64}));
  EXPECT_EQ(logits.narrow(1, 50, 14).count_nonzero().item<std::int64_t>(), 0);
  EXPECT_TRUE(same_bits(logits[1], logits[2]));
  const auto weights = model->named_parameters();
  const at::Tensor dense =
      at::linear(hidden.index_select(0, rows), weights["head.dense.weight"], weights["head.dense.bias"]);
  const at::Tensor x =
      at::layer_norm(at::gelu(dense), {16}, weights["head.norm.weight"], weights["head.norm.bias"]);
  const at::Tensor expected = at::linear(x, weights["encoder.embeddings.token.weight"], weights["head.bias"]);
  EXPECT_LE(difference(logits.narrow(1, 0, 50), expected), 1e-5);
}

TEST(HeadsTest, ClassifierPoolsEachSequence) {
  ModelOptions options = small_options();
  for (const PoolingType type :
       {PoolingType::attention, PoolingType::cls, PoolingType::mean, PoolingType::max}) {
    options.pooling = type;
    SequenceClassifier model(options, HeadOptions{.num_labels = 3});
    randomize(*model, options, 1);
    const SequenceLayout ragged = SequenceLayout::ragged(kLengths);
    const at::Tensor ids = at::randint(0, 50, {10}, at::kInt);
    const at::Tensor scores = model(ids, at::Tensor(), ragged, ForwardContext{});
    ASSERT_EQ(scores.sizes(), (at::IntArrayRef{3, 3}));
    EXPECT_EQ(difference(scores[1], model->classifier->bias), 0);  // empty: the pooled vector is 0
    const SequenceLayout padded = SequenceLayout::padded(pad_mask(kLengths, 9, Pads::left));
    const at::Tensor padded_ids =
        at::full({padded.rows()}, 4, at::kInt).index_copy(0, padded.compact().to(at::kLong), ids);
    EXPECT_LE(difference(model(padded_ids, at::Tensor(), padded, ForwardContext{}), scores), 1e-5);
  }
}

TEST(HeadsTest, ClassifierDropoutFollowsTheSample) {
  const ModelOptions options = small_options();
  SequenceClassifier model(options, HeadOptions{.num_labels = 3, .dropout = 0.5});
  randomize(*model, options, 1);
  ForwardContext context;
  context.training = true;
  context.step = at::full({}, 1, at::kLong);
  const at::Tensor ids = at::randint(0, 50, {4}, at::kInt).repeat({2});
  const std::vector<std::int64_t> twice{4, 4};
  const SequenceLayout layout = SequenceLayout::ragged(twice);
  context.samples = at::tensor({7, 7}, at::kLong);
  const at::Tensor same = model(ids, at::Tensor(), layout, context);
  EXPECT_LE(difference(same[0], same[1]), 1e-6);
  context.samples = at::tensor({7, 8}, at::kLong);
  const at::Tensor different = model(ids, at::Tensor(), layout, context);
  EXPECT_GT(difference(different[0], different[1]), 1e-3);
}

TEST(HeadsTest, RegressionHasOneOutput) {
  EXPECT_THROW(SequenceClassifier(small_options(), HeadOptions{.num_labels = 2, .regression = true}),
               UsageError);
  SequenceClassifier model(small_options(), HeadOptions{.num_labels = 1, .regression = true});
  EXPECT_EQ(model->classifier->weight.sizes(), (at::IntArrayRef{1, 16}));
}

TEST(HeadsTest, TokenClassifierScoresTheChosenRows) {
  const ModelOptions options = small_options();
  TokenClassifier model(options, HeadOptions{.num_labels = 5});
  randomize(*model, options, 1);
  const SequenceLayout ragged = SequenceLayout::ragged(kLengths);
  const at::Tensor ids = at::randint(0, 50, {10}, at::kInt), rows = at::tensor({8, 0, 8}, at::kInt);
  const at::Tensor scores = model(ids, at::Tensor(), rows, ragged, ForwardContext{});
  ASSERT_EQ(scores.sizes(), (at::IntArrayRef{3, 5}));
  EXPECT_TRUE(same_bits(scores[0], scores[2]));
  const at::Tensor hidden = model->encoder(ids, at::Tensor(), ragged, ForwardContext{});
  const auto weights = model->named_parameters();
  const at::Tensor expected = at::linear(hidden, weights["classifier.weight"], weights["classifier.bias"]);
  EXPECT_LE(difference(scores, expected.index_select(0, rows)), 1e-6);
  const SequenceLayout padded = SequenceLayout::padded(pad_mask(kLengths, 9, Pads::left));
  const at::Tensor place = padded.compact().to(at::kLong);
  const at::Tensor padded_ids = at::full({padded.rows()}, 4, at::kInt).index_copy(0, place, ids);
  const at::Tensor padded_rows = padded.compact().index_select(0, rows);
  EXPECT_LE(difference(model(padded_ids, at::Tensor(), padded_rows, padded, ForwardContext{}), scores), 1e-5);
  EXPECT_THROW(TokenClassifier(options, HeadOptions{.num_labels = 1, .regression = true}), UsageError);
  // The names are the checkpoint's format: the encoder's as elsewhere, and a head.
  for (const auto& item : weights) {
    const bool is_head = item.key() == "classifier.weight" || item.key() == "classifier.bias";
    EXPECT_TRUE(is_head || item.key().starts_with("encoder.")) << item.key();
  }
}

TEST(HeadsTest, TokenClassifierDropoutFollowsTheSampleAndThePosition) {
  const ModelOptions options = small_options();
  TokenClassifier model(options, HeadOptions{.num_labels = 3, .dropout = 0.5});
  randomize(*model, options, 1);
  ForwardContext context;
  context.training = true;
  context.step = at::full({}, 1, at::kLong);
  context.samples = at::tensor({7, 7, 8}, at::kLong);
  const at::Tensor ids = at::randint(0, 50, {4}, at::kInt).repeat({3});
  const std::vector<std::int64_t> thrice{4, 4, 4};
  const at::Tensor rows = at::tensor({1, 5, 9}, at::kInt);  // the same place of each
  const at::Tensor scores = model(ids, at::Tensor(), rows, SequenceLayout::ragged(thrice), context);
  EXPECT_LE(difference(scores[0], scores[1]), 1e-6);
  EXPECT_GT(difference(scores[0], scores[2]), 1e-3);
  context.training = false;
  const at::Tensor plain = model(ids, at::Tensor(), rows, SequenceLayout::ragged(thrice), context);
  EXPECT_LE(difference(plain[0], plain[2]), 1e-6);
  EXPECT_GT(difference(plain[0], scores[0]), 1e-3);
}

TEST(HeadsTest, ComputeDtypeCastsWeightsNotParameters) {
  FeedForward feed_forward(16, FeedForwardOptions{.size = 32});
  Norm norm(16, NormOptions{});
  ModelOptions options;
  randomize(*feed_forward, options, 2);
  const at::Tensor x = at::randn({6, 16});
  const at::Tensor reference = feed_forward(norm(x));
  set_compute_dtype(*feed_forward, at::kBFloat16);
  set_compute_dtype(*norm, at::kBFloat16);
  const at::Tensor out = feed_forward(norm(x));
  EXPECT_EQ(out.scalar_type(), at::kBFloat16);
  EXPECT_LE(difference(out.to(at::kFloat), reference), 2e-2 * rms(reference));
  EXPECT_GT(difference(out.to(at::kFloat), reference), 0);
  out.sum().backward();
  for (const auto& parameter : feed_forward->parameters()) {
    EXPECT_EQ(parameter.scalar_type(), at::kFloat);
    EXPECT_EQ(parameter.grad().scalar_type(), at::kFloat);
  }
  EXPECT_THROW(set_compute_dtype(*norm, at::kInt), UsageError);
}

TEST(HeadsTest, GatedFeedForwardMatchesTheEquation) {
  FeedForward feed_forward(16, FeedForwardOptions{.size = 24, .activation = Activation::swiglu});
  randomize(*feed_forward, ModelOptions{}, 2);
  const at::Tensor x = at::randn({6, 16});
  const auto weights = feed_forward->named_parameters();
  const at::Tensor inner = at::linear(x, weights["in_proj.weight"], weights["in_proj.bias"]);
  const at::Tensor gated = inner.narrow(1, 0, 24) * at::silu(inner.narrow(1, 24, 24));
  const at::Tensor expected = at::linear(gated, weights["out_proj.weight"], weights["out_proj.bias"]);
  EXPECT_LE(difference(feed_forward(x), expected), 1e-6);
}

}  // namespace
}  // namespace mabert::nn
