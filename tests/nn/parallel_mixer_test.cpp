#include "mabert/nn/parallel_mixer.h"

#include "nn/models.h"

#include <gtest/gtest.h>

namespace mabert::nn {
namespace {

using namespace testing;

constexpr MixerSettings kSettings{.width = 16};

TEST(ParallelMixerTest, AddsOrAveragesItsBranches) {
  const std::vector<std::int64_t> lengths{5, 8};
  const SequenceLayout layout = SequenceLayout::ragged(lengths);
  const std::vector<MixerOptions> children{
      {AttentionOptions{.heads = 2}}, {MambaOptions{}}, {MambaOptions{}}};
  ParallelMixer sum({children, Aggregator::sum}, kSettings), mean({children, Aggregator::mean}, kSettings);
  ModelOptions options;
  options.initializer_range = 0.3;
  randomize(sum, options, 5);
  copy_parameters(sum, mean);
  const at::Tensor rows = at::randn({13, 16});
  at::Tensor total = at::zeros({13, 16});
  for (std::size_t i = 0; i < children.size(); ++i) {
    const auto branch = children[i].build(kSettings);
    const at::NoGradGuard no_grad;
    for (auto& item : branch->named_parameters()) {
      item.value().copy_(sum.named_parameters()["branches." + std::to_string(i) + "." + item.key()]);
    }
    total = total + branch->forward(rows, layout, {});
  }
  EXPECT_GT(rms(total), 0.01);
  EXPECT_LE(difference(sum.forward(rows, layout, {}), total), 1e-5);
  EXPECT_LE(difference(mean.forward(rows, layout, {}), total / 3), 1e-5);
}

TEST(ParallelMixerTest, IsCausalIfEveryBranchCanBe) {
  const MixerOptions attention{AttentionOptions{.heads = 2}};
  const MixerOptions forward{MambaOptions{}}, both{MambaOptions{.direction = MambaDirection::bidirectional}};
  EXPECT_TRUE((ParallelOptions{{attention, forward}}.build(kSettings)->can_be_causal()));
  EXPECT_FALSE((ParallelOptions{{attention, both}}.build(kSettings)->can_be_causal()));
}

}  // namespace
}  // namespace mabert::nn
