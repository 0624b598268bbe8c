#include "mabert/nn/encoder.h"

#include "nn/models.h"

#include <gtest/gtest.h>

#include "mabert/core/error.h"
#include "mabert/nn/masked_language_model.h"
#include "mabert/ops/masked_cross_entropy.h"

namespace mabert::nn {
namespace {

using namespace testing;

const std::vector<std::int64_t> kLengths{5, 9, 1, 7};

struct EncoderBatch {
  at::Tensor ids, segments;
  SequenceLayout layout;
};

/// The same 22 tokens, ragged or padded (pads hold token 3 of segment 1).
EncoderBatch batch(std::optional<Pads> pads, std::int64_t columns = 12) {
  at::manual_seed(3);
  const at::Tensor ids = at::randint(0, 50, {22}, at::kInt), segments = at::randint(0, 2, {22}, at::kInt);
  if (!pads) return {ids, segments, SequenceLayout::ragged(kLengths)};
  const SequenceLayout layout = SequenceLayout::padded(pad_mask(kLengths, columns, *pads));
  const at::Tensor where = layout.compact().to(at::kLong);
  return {at::full({layout.rows()}, 3, at::kInt).index_copy(0, where, ids),
          at::full({layout.rows()}, 1, at::kInt).index_copy(0, where, segments), layout};
}

std::vector<ModelOptions> variants() {
  ModelOptions pre = small_options(), post = small_options(), rotary = small_options(),
               parallel = small_options();
  post.norm.placement = NormPlacement::post;
  rotary.positions.type = PositionType::rotary;
  rotary.norm.type = NormType::rms;
  rotary.blocks["transformer"] = attention_layer(2, Activation::swiglu);
  parallel.positions.type = PositionType::none;
  parallel.token_types = 0;
  parallel.residual_dtype = ResidualDtype::float32;
  parallel.blocks["transformer"].mixer.value = ParallelOptions{
      {MixerOptions{AttentionOptions{.heads = 2}}, MixerOptions{MambaOptions{.state_size = 3}}}};
  ModelOptions shared = small_options();
  shared.num_layers = 6;
  shared.share_layers = true;
  return {pre, post, rotary, parallel, shared};
}

TEST(EncoderTest, SharedLayersAreTheLayersOfAnUnsharedModelWithEqualWeights) {
  ModelOptions options = small_options();
  options.num_layers = 2 * static_cast<std::int64_t>(options.layer_pattern.size());
  Encoder apart(options);
  options.share_layers = true;
  Encoder shared(options);
  randomize(*shared, options, 1);
  const at::NoGradGuard no_grad;
  const auto from = shared->named_parameters();
  const std::size_t period = options.layer_pattern.size();
  for (auto& item : apart->named_parameters()) {
    std::string name = item.key();
    for (std::size_t i = 0; i < period; ++i) {
      const std::string repeated = "layers." + std::to_string(period + i) + ".";
      if (name.starts_with(repeated))
        name = "layers." + std::to_string(i) + "." + name.substr(repeated.size());
    }
    ASSERT_TRUE(from.contains(name)) << name;
    item.value().copy_(from[name]);
  }
  EXPECT_LT(from.size(), apart->named_parameters().size());
  const EncoderBatch ragged = batch(std::nullopt);
  EXPECT_TRUE(at::equal(shared->forward(ragged.ids, ragged.segments, ragged.layout, {}),
                        apart->forward(ragged.ids, ragged.segments, ragged.layout, {})));
}

TEST(EncoderTest, SharedLayersDropOtherElementsAtEachDepth) {
  ModelOptions options = small_options();
  options.num_layers = 2;
  options.layer_pattern = {"transformer"};
  options.share_layers = true;
  options.dropout = 0.5;
  Encoder encoder(options);
  const EncoderBatch ragged = batch(std::nullopt);
  ForwardContext context;
  context.training = true;
  context.step = at::full({}, 3, at::kLong);
  context.samples = at::arange(ragged.layout.capacity(), at::kLong);
  randomize(*encoder, options, 1);
  const at::Tensor x = at::ones({22, options.width});
  EncoderLayerImpl& layer = encoder->layer(1);
  EXPECT_EQ(&layer, &encoder->layer(0));
  EXPECT_FALSE(
      at::equal(layer.forward(x, ragged.layout, context, 0), layer.forward(x, ragged.layout, context, 1)));
  EXPECT_TRUE(
      at::equal(layer.forward(x, ragged.layout, context, 1), layer.forward(x, ragged.layout, context, 1)));
}

TEST(EncoderTest, PaddedEqualsRaggedToTheLogits) {
  for (const ModelOptions& options : variants()) {
    MaskedLanguageModel model(options);
    randomize(*model, options, 1);
    const EncoderBatch ragged = batch(std::nullopt);
    const at::Tensor rows = at::tensor({0, 7, 14, 21}, at::kInt);
    const at::Tensor reference = model->hidden(ragged.ids, ragged.segments, ragged.layout, {});
    const at::Tensor logits = model->logits(reference, rows);
    for (const Pads pads : {Pads::left, Pads::right}) {
      for (const std::int64_t columns : {9, 12, 60}) {
        const EncoderBatch padded = batch(pads, columns);
        const at::Tensor hidden = model->hidden(padded.ids, padded.segments, padded.layout, {});
        EXPECT_LE(difference(hidden.index_select(0, padded.layout.compact()), reference),
                  1e-5 * rms(reference));
        EXPECT_EQ(hidden.index({padded.layout.row_mask().logical_not()}).count_nonzero().item<std::int64_t>(),
                  0);
        const at::Tensor same_rows = padded.layout.compact().index_select(0, rows);
        EXPECT_LE(difference(model->logits(hidden, same_rows), logits), 1e-5 * rms(logits));
      }
    }
  }
}

TEST(EncoderTest, TokensInPadsDoNotMatter) {
  for (const ModelOptions& options : variants()) {
    Encoder encoder(options);
    randomize(*encoder, options, 1);
    const EncoderBatch one = batch(Pads::holes);
    EncoderBatch other = batch(Pads::holes);
    other.ids.index_put_({one.layout.row_mask().logical_not()}, at::tensor(49, at::kInt));
    EXPECT_TRUE(same_bits(encoder->forward(one.ids, one.segments, one.layout, {}),
                          encoder->forward(other.ids, other.segments, other.layout, {})));
  }
}

TEST(EncoderTest, ReadsTokensPositionsAndSegments) {
  const ModelOptions options = small_options();
  Encoder encoder(options);
  randomize(*encoder, options, 1);
  const EncoderBatch ragged = batch(std::nullopt);
  const at::Tensor reference = encoder->forward(ragged.ids, ragged.segments, ragged.layout, {});
  EXPECT_GT(
      difference(reference, encoder->forward((ragged.ids + 1) % 50, ragged.segments, ragged.layout, {})),
      0.1);
  EXPECT_GT(difference(reference, encoder->forward(ragged.ids, 1 - ragged.segments, ragged.layout, {})), 0.1);
  const at::Tensor zeros = at::zeros_like(ragged.segments);
  EXPECT_TRUE(same_bits(encoder->forward(ragged.ids, at::Tensor(), ragged.layout, {}),
                        encoder->forward(ragged.ids, zeros, ragged.layout, {})));
  const at::NoGradGuard no_grad;
  encoder->named_parameters()["embeddings.positions.weight"].select(0, 1).add_(at::randn({16}));
  const at::Tensor moved =
      (encoder->forward(ragged.ids, ragged.segments, ragged.layout, {}) - reference).abs().amax(1);
  EXPECT_GT(moved.narrow(0, 0, 5).max().item<float>(), 1e-3f);
  EXPECT_EQ(moved[14].item<float>(), 0.0f);  // a sequence of one row has no position 1
}

TEST(EncoderTest, FiniteDifferencesOfTheWholeModel) {
  ModelOptions options = small_options();
  options.width = 8;
  options.num_layers = 3;
  options.layer_pattern = {"bidirectional", "transformer", "alternate"};
  options.blocks["transformer"] = attention_layer(2, Activation::geglu);
  MaskedLanguageModel model(options);
  randomize(*model, options, 9);
  model->to(at::kDouble);
  const EncoderBatch padded = batch(Pads::left);
  const at::Tensor rows = padded.layout.compact().slice(0, 0, 22, 3).contiguous();
  const at::Tensor labels =
      padded.ids.index_select(0, padded.layout.compact()).slice(0, 0, 22, 3).contiguous();
  const auto loss = [&] {
    const at::Tensor hidden = model->hidden(padded.ids, padded.segments, padded.layout, {});
    return ops::masked_cross_entropy(model->logits(hidden, rows), labels, options.vocabulary_size).loss_sum;
  };
  loss().backward();
  const auto gradients = take_gradients(*model);
  const at::NoGradGuard no_grad;
  constexpr double kStep = 1e-5;
  for (auto& item : model->named_parameters()) {
    at::Tensor flat = item.value().view(-1);
    const at::Tensor gradient = gradients.at(item.key()).view(-1);
    // The entry with the largest gradient, and a fixed one.
    for (const std::int64_t i : {gradient.abs().argmax().item<std::int64_t>(), flat.size(0) / 2}) {
      const double value = flat[i].item<double>();
      flat[i] = value + kStep;
      const double above = loss().item<double>();
      flat[i] = value - kStep;
      const double below = loss().item<double>();
      flat[i] = value;
      const double numeric = (above - below) / (2 * kStep), analytic = gradient[i].item<double>();
      EXPECT_NEAR(analytic, numeric, 1e-6 * std::max(1.0, std::abs(numeric))) << item.key() << " " << i;
    }
  }
}

TEST(EncoderTest, DropoutIsTheSamePaddedAndRagged) {
  ModelOptions options = small_options();
  options.dropout = 0.3;
  Encoder encoder(options);
  randomize(*encoder, options, 1);
  ForwardContext context;
  context.training = true;
  context.seed = 17;
  context.step = at::full({}, 5, at::kLong);
  context.samples = at::tensor({100, 7, 8, 9}, at::kLong);
  const EncoderBatch ragged = batch(std::nullopt), padded = batch(Pads::left);
  const at::Tensor reference = encoder->forward(ragged.ids, ragged.segments, ragged.layout, context);
  const at::Tensor hidden = encoder->forward(padded.ids, padded.segments, padded.layout, context);
  EXPECT_LE(difference(hidden.index_select(0, padded.layout.compact()), reference), 1e-5 * rms(reference));
  EXPECT_GT(difference(encoder->forward(ragged.ids, ragged.segments, ragged.layout, {}), reference), 0.1);
  context.samples = at::Tensor();
  EXPECT_THROW(encoder->forward(ragged.ids, ragged.segments, ragged.layout, context), UsageError);
}

template <class Function>
std::string error_of(const Function& function) {
  try {
    function();
  } catch (const UsageError& error) {
    return error.what();
  }
  return "no error";
}

TEST(EncoderTest, WrongArguments) {
  Encoder encoder(small_options());
  const EncoderBatch ragged = batch(std::nullopt);
  const std::vector<std::int64_t> long_sequence{65};
  EXPECT_EQ(error_of([&] {
              const auto layout = SequenceLayout::ragged(long_sequence);
              encoder->forward(at::zeros({65}, at::kInt), at::Tensor(), layout, {});
            }),
            "[encoder] layout: expected sequences of at most 64 rows (model.positions.max_length), got 65");
  EXPECT_EQ(error_of([&] { encoder->forward(ragged.ids.to(at::kLong), at::Tensor(), ragged.layout, {}); }),
            "[encoder] token_ids: expected (22) int32, got [22] Long");
  EXPECT_EQ(
      error_of([&] { encoder->forward(ragged.ids, ragged.segments.narrow(0, 0, 21), ragged.layout, {}); }),
      "[encoder] segment_ids: expected (22) int32, got [21] Int");
  ModelOptions options = small_options();
  options.vocabulary_size = 0;
  EXPECT_EQ(error_of([&] { Encoder other(options); }),
            "[model] vocabulary_size: expected at least 1 to build, got 0");
  options = small_options();
  options.blocks["transformer"] = attention_layer(3);
  EXPECT_EQ(error_of([&] { Encoder other(options); }),
            "[model] blocks.transformer.mixer.heads: expected a divisor of the width 16, got 3");
}

}  // namespace
}  // namespace mabert::nn
