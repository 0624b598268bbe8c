#pragma once

#include <cmath>
#include <map>
#include <string>
#include <vector>

#include <ATen/TensorOperators.h>
#include <ATen/ops/rand.h>
#include <ATen/ops/randint.h>
#include <ATen/ops/randn.h>
#include <ATen/ops/tensor.h>
#include <ATen/ops/zeros.h>
#include <torch/nn/module.h>

#include "mabert/core/sequence_layout.h"
#include "mabert/nn/initialize.h"
#include "mabert/nn/model_options.h"

namespace mabert::nn::testing {

inline LayerOptions mamba_layer(MambaDirection direction) {
  return {MixerOptions{MambaOptions{.state_size = 4, .direction = direction}}, std::nullopt};
}

inline LayerOptions attention_layer(std::int64_t heads = 2, Activation activation = Activation::gelu) {
  return {MixerOptions{AttentionOptions{.heads = heads}},
          FeedForwardOptions{.size = 24, .activation = activation}};
}

/// Width 16, vocabulary 50, M M T M with Mamba layers of all kinds.
inline ModelOptions small_options() {
  ModelOptions options;
  options.vocabulary_size = 50;
  options.width = 16;
  options.num_layers = 4;
  options.layer_pattern = {"alternate", "bidirectional", "transformer", "alternate"};
  options.blocks = {{"alternate", mamba_layer(MambaDirection::alternate)},
                    {"bidirectional", mamba_layer(MambaDirection::bidirectional)},
                    {"transformer", attention_layer()}};
  options.positions.max_length = 64;
  options.initializer_range = 0.25;
  return options;
}

/// Initialised weights, then every parameter moved a little: no bias is 0, no norm weight 1.
inline void randomize(torch::nn::Module& model, const ModelOptions& options, std::uint64_t seed) {
  initialize_parameters(model, options, seed);
  const at::NoGradGuard no_grad;
  at::manual_seed(seed);
  for (auto& parameter : model.parameters()) parameter.add_(at::randn_like(parameter), 0.1);
}

inline double rms(const at::Tensor& x) { return std::sqrt(x.to(at::kDouble).square().mean().item<double>()); }

/// Largest difference; NaN if either holds one.
inline double difference(const at::Tensor& a, const at::Tensor& b) {
  return a.numel() == 0 ? 0.0 : (a - b).abs().max().to(at::kDouble).item<double>();
}

inline bool same_bits(const at::Tensor& a, const at::Tensor& b) { return a.equal(b); }

/// Column masks of a padded batch.
enum class Pads { left, right, holes };

inline at::Tensor pad_mask(const std::vector<std::int64_t>& lengths, std::int64_t columns, Pads pads) {
  const auto batch = static_cast<std::int64_t>(lengths.size());
  const at::Tensor mask = at::zeros({batch, columns}, at::kBool);
  for (std::int64_t s = 0; s < batch; ++s) {
    const std::int64_t length = lengths[static_cast<std::size_t>(s)];
    for (std::int64_t i = 0; i < length; ++i) {
      const std::int64_t column = pads == Pads::left ? columns - length + i
                                  : pads == Pads::right
                                      ? i
                                      : (2 * i < columns ? 2 * i : 2 * i - columns + 1 - columns % 2);
      mask[s][column] = true;
    }
  }
  return mask;
}

/// Gradients of every parameter, by name, of the last backward pass.
inline std::map<std::string, at::Tensor> take_gradients(torch::nn::Module& model) {
  std::map<std::string, at::Tensor> gradients;
  for (auto& item : model.named_parameters()) {
    if (item.value().grad().defined()) gradients[item.key()] = item.value().grad().clone();
    item.value().mutable_grad() = at::Tensor();
  }
  return gradients;
}

inline void copy_parameters(torch::nn::Module& from, torch::nn::Module& to) {
  const at::NoGradGuard no_grad;
  auto target = to.named_parameters();
  for (const auto& item : from.named_parameters()) target[item.key()].copy_(item.value());
}

}  // namespace mabert::nn::testing
