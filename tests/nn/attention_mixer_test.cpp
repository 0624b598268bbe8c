#include "mabert/nn/attention_mixer.h"

#include "nn/models.h"

#include <gtest/gtest.h>

namespace mabert::nn {
namespace {

using namespace testing;

const std::vector<std::int64_t> kLengths{9};
constexpr MixerSettings kSettings{.width = 16};

SequenceLayout nine_rows() { return SequenceLayout::ragged(kLengths); }

void random_weights(SequenceMixer& mixer) {
  ModelOptions options;
  options.initializer_range = 0.3;
  randomize(mixer, options, 6);
}

TEST(AttentionMixerTest, MatchesTheEquation) {
  SelfAttentionMixer mixer({.heads = 2}, kSettings);
  random_weights(mixer);
  mixer.to(at::kDouble);
  const at::Tensor rows = at::randn({9, 16}, at::kDouble);
  const auto weights = mixer.named_parameters();
  const at::Tensor packed = at::linear(rows, weights["qkv.weight"], weights["qkv.bias"]);
  const auto heads = [&](std::int64_t part) {
    return packed.narrow(1, 16 * part, 16).view({9, 2, 8}).transpose(0, 1);
  };
  const at::Tensor scores = at::matmul(heads(0), heads(1).transpose(1, 2)) / std::sqrt(8.0);
  const at::Tensor mixed = at::matmul(at::softmax(scores, -1), heads(2)).transpose(0, 1).reshape({9, 16});
  const at::Tensor expected = at::linear(mixed, weights["out_proj.weight"], weights["out_proj.bias"]);
  EXPECT_LE(difference(mixer.forward(rows, nine_rows(), {}), expected), 1e-12);
}

TEST(AttentionMixerTest, ZeroAttentionLeavesTheBias) {
  SelfAttentionMixer mixer({.heads = 2}, kSettings);
  random_weights(mixer);
  ForwardContext context;
  context.ablation.zero_attention = true;
  const at::Tensor out = mixer.forward(at::randn({9, 16}), nine_rows(), context);
  EXPECT_EQ(difference(out, mixer.named_parameters()["out_proj.bias"].expand_as(out)), 0);
}

TEST(AttentionMixerTest, WindowAndCausalLimitWhatIsSeen) {
  const at::Tensor rows = at::randn({9, 16});
  at::Tensor changed = rows.clone();
  changed[4] += 1;
  const auto seen_by = [&](const AttentionOptions& options) {
    SelfAttentionMixer mixer(options, kSettings);
    random_weights(mixer);
    std::vector<std::int64_t> who;
    const at::Tensor moved =
        (mixer.forward(rows, nine_rows(), {}) - mixer.forward(changed, nine_rows(), {})).abs().amax(1);
    for (std::int64_t i = 0; i < 9; ++i) {
      if (moved[i].item<float>() > 1e-6f) who.push_back(i);
    }
    return who;
  };
  using Rows = std::vector<std::int64_t>;
  EXPECT_EQ(seen_by({.heads = 2}), (Rows{0, 1, 2, 3, 4, 5, 6, 7, 8}));
  EXPECT_EQ(seen_by({.heads = 2, .causal = true}), (Rows{4, 5, 6, 7, 8}));
  EXPECT_EQ(seen_by({.heads = 2, .window_left = 2, .window_right = 1}), (Rows{3, 4, 5, 6}));
}

TEST(AttentionMixerTest, OnlyRotaryAttentionTellsOrder) {
  const at::Tensor rows = at::randn({9, 16});
  const auto moved_by_reversal = [&](std::optional<double> base) {
    SelfAttentionMixer mixer({.heads = 2}, {.width = 16, .rotary_base = base});
    random_weights(mixer);
    return difference(mixer.forward(rows.flip(0), nine_rows(), {}),
                      mixer.forward(rows, nine_rows(), {}).flip(0));
  };
  EXPECT_LE(moved_by_reversal(std::nullopt), 1e-5);
  EXPECT_GT(moved_by_reversal(100.0), 1e-2);
}

}  // namespace
}  // namespace mabert::nn
