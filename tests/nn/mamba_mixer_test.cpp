#include "mabert/nn/mamba_mixer.h"

#include "nn/models.h"

#include <gtest/gtest.h>

#include "mabert/nn/encoder.h"

namespace mabert::nn {
namespace {

using namespace testing;

const std::vector<std::int64_t> kLengths{6, 11, 3};
constexpr MixerSettings kSettings{.width = 16};

MambaOptions with(MambaDirection direction, std::int64_t conv_width = 4) {
  return {.state_size = 5, .conv_width = conv_width, .direction = direction};
}

void random_weights(SequenceMixer& mixer) {
  ModelOptions options;
  options.initializer_range = 0.3;
  randomize(mixer, options, 5);
}

TEST(MambaMixerTest, BidirectionalIsTheSumOfTwoDirections) {
  MambaMixer both(with(MambaDirection::bidirectional), kSettings);
  random_weights(both);
  const SequenceLayout layout = SequenceLayout::padded(pad_mask(kLengths, 14, Pads::left));
  const at::Tensor rows = at::randn({layout.rows(), 16});
  at::Tensor sum = at::zeros({layout.rows(), 16});
  const auto shared = both.named_parameters();
  for (const std::int64_t group : {0, 1}) {
    MambaMixer one(with(group == 0 ? MambaDirection::forward : MambaDirection::backward), kSettings);
    const at::NoGradGuard no_grad;
    for (auto& item : one.named_parameters()) {
      const at::Tensor source = *shared.find(item.key());
      const std::int64_t size = item.value().size(0);
      // in_proj and out_proj are shared: their blocks coincide with the whole.
      item.value().copy_(source.size(0) == size ? source : source.narrow(0, group * size, size));
    }
    sum = sum + one.forward(rows, layout, {});
  }
  EXPECT_GT(rms(sum), 0.01);
  EXPECT_LE(difference(both.forward(rows, layout, {}), sum), 1e-5 * std::max(1.0, rms(sum)));
}

TEST(MambaMixerTest, AlternateIsResolvedByOccurrenceOfTheBlock) {
  ModelOptions options = small_options();
  options.num_layers = 9;
  options.layer_pattern = {"alternate", "alternate", "transformer", "bidirectional"};
  Encoder encoder(options);
  std::vector<MambaDirection> found;
  for (std::int64_t i = 0; i < 9; ++i) {
    if (const auto* mixer = dynamic_cast<MambaMixer*>(&encoder->layer(i).mixer()))
      found.push_back(mixer->direction());
  }
  using enum MambaDirection;
  EXPECT_EQ(found,
            (std::vector{forward, backward, bidirectional, forward, backward, bidirectional, forward}));
}

TEST(MambaMixerTest, ForwardSeesOnlyTheLeftAndBackwardOnlyTheRight) {
  const std::vector<std::int64_t> lengths{10};
  const SequenceLayout layout = SequenceLayout::ragged(lengths);
  const at::Tensor rows = at::randn({10, 16});
  at::Tensor changed = rows.clone();
  changed[5] += 1;
  for (const MambaDirection direction : {MambaDirection::forward, MambaDirection::backward}) {
    MambaMixer mixer(with(direction), kSettings);
    random_weights(mixer);
    const at::Tensor moved =
        (mixer.forward(rows, layout, {}) - mixer.forward(changed, layout, {})).abs().amax(1);
    const bool forward = direction == MambaDirection::forward;
    EXPECT_EQ(mixer.can_be_causal(), forward);
    EXPECT_EQ((forward ? moved.narrow(0, 0, 5) : moved.narrow(0, 6, 4)).max().item<float>(), 0.0f);
    EXPECT_GT((forward ? moved.narrow(0, 5, 5) : moved.narrow(0, 0, 6)).min().item<float>(), 1e-5f);
  }
}

TEST(MambaMixerTest, ResetScanStateForgetsEarlierRows) {
  MambaMixer mixer(with(MambaDirection::forward, /*conv_width=*/1), kSettings);
  random_weights(mixer);
  const SequenceLayout layout = SequenceLayout::padded(pad_mask(kLengths, 14, Pads::right));
  const at::Tensor rows = at::randn({layout.rows(), 16});
  ForwardContext reset;
  reset.ablation.reset_scan_state = true;
  const std::vector<std::int64_t> alone(static_cast<std::size_t>(layout.rows()), 1);
  const at::Tensor expected = layout.select_valid(mixer.forward(rows, SequenceLayout::ragged(alone), {}));
  const at::Tensor out = mixer.forward(rows, layout, reset);
  EXPECT_LE(difference(out, expected), 1e-6);
  EXPECT_GT(difference(out, mixer.forward(rows, layout, {})), 1e-3);
}

TEST(MambaMixerTest, EveryMaskOnEqualsTheOperatorsOwnMasks) {
  // One mask off that the others cover: the module selects outside, and must give what the operators give.
  for (const MambaDirection direction : {MambaDirection::forward, MambaDirection::bidirectional}) {
    MambaMixer mixer(with(direction), kSettings);
    random_weights(mixer);
    const SequenceLayout layout = SequenceLayout::padded(pad_mask(kLengths, 30, Pads::left));
    const at::Tensor rows = at::randn({layout.rows(), 16});
    ForwardContext context;
    context.ablation.mask_output = false;
    const at::Tensor out = layout.select_valid(mixer.forward(rows, layout, context));
    EXPECT_LE(difference(out, mixer.forward(rows, layout, {})), 1e-6);
  }
}

TEST(MambaMixerTest, RankFollowsTheWidth) {
  EXPECT_EQ(MambaOptions{}.rank_for(768), 48);
  EXPECT_EQ(MambaOptions{}.rank_for(17), 2);
  EXPECT_EQ(MambaOptions{.delta_rank = 7}.rank_for(768), 7);
}

}  // namespace
}  // namespace mabert::nn
