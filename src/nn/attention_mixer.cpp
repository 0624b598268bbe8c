#include "mabert/nn/attention_mixer.h"

#include <string>
#include <tuple>

#include <ATen/ops/zeros_like.h>

#include "mabert/ops/attention.h"
#include "mabert/ops/rotary.h"

namespace mabert::nn {

std::optional<config::Problem> AttentionOptions::problem_in(const MixerSettings& settings) const {
  if (settings.width % heads != 0) {
    return config::Problem{"heads", "a divisor of the width " + std::to_string(settings.width),
                           std::to_string(heads)};
  }
  if (causal && window_right.value_or(0) > 0) {
    return config::Problem{"window_right", "absent or 0 with causal", std::to_string(*window_right)};
  }
  const std::int64_t head_width = settings.width / heads;
  if (settings.rotary_base && head_width % 2 != 0) {
    return config::Problem{
        "heads", "an even width per head for rotary positions",
        std::to_string(settings.width) + " / " + std::to_string(heads) + " = " + std::to_string(head_width)};
  }
  return std::nullopt;
}

std::shared_ptr<SequenceMixer> AttentionOptions::build(const MixerSettings& settings) const {
  return std::make_shared<SelfAttentionMixer>(*this, settings);
}

SelfAttentionMixer::SelfAttentionMixer(const AttentionOptions& options, const MixerSettings& settings)
    : options_(options), settings_(settings) {
  qkv_ = register_module("qkv", Linear(settings.width, 3 * settings.width));
  WeightsSettings last;
  last.weight_initializer = NormalInitializer{.ends_residual_branch = true};
  out_proj_ = register_module("out_proj", Linear(settings.width, settings.width, last));
}

at::Tensor SelfAttentionMixer::mix(const at::Tensor& rows, const SequenceLayout& layout,
                                   const ForwardContext& context) {
  if (context.ablation.zero_attention) return out_proj_(at::zeros_like(rows));
  const std::int64_t head_width = settings_.width / options_.heads;
  const at::Tensor qkv = qkv_(rows).view({layout.rows(), 3, options_.heads, head_width});  // (T, 3, H, K)
  at::Tensor q, k, v;                                                                      // (T, H, K)
  if (settings_.rotary_base) {
    std::tie(q, k, v) = ops::rotary(qkv, layout.position(), *settings_.rotary_base);
  } else {
    const auto parts = qkv.unbind(1);
    q = parts[0], k = parts[1], v = parts[2];
  }
  ops::AttentionWindow window;
  window.causal = options_.causal;
  window.left = options_.window_left;
  window.right = options_.window_right;
  const at::Tensor mixed = ops::attention(q, k, v, layout, window);   // (T, H, K)
  return out_proj_(mixed.reshape({layout.rows(), settings_.width}));  // (T, D)
}

}  // namespace mabert::nn
