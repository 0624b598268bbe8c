#include "benchmarks/model/flops.h"

#include <algorithm>
#include <variant>

namespace mabert::bench {
namespace {

double as_double(std::int64_t value) { return static_cast<double>(value); }

// Of one layer's parts, for `tokens` rows in sequences of `lengths`.
struct LayerCounter {
  double width = 0, tokens = 0;
  std::int64_t integer_width = 0;
  std::span<const std::int64_t> lengths;

  ModelFlops operator()(const nn::AttentionOptions& attention) const {
    ModelFlops flops;
    flops.matrix = 2 * tokens * 4 * width * width;  // q, k, v and the output projection
    for (const std::int64_t length : lengths) flops.attention += 4 * width * visible_pairs(length, attention);
    return flops;
  }

  ModelFlops operator()(const nn::MambaOptions& mamba) const {
    const double inner = as_double(mamba.expand) * width, rank = as_double(mamba.rank_for(integer_width));
    const double groups = mamba.direction == nn::MambaDirection::bidirectional ? 2 : 1;
    const double states = as_double(mamba.state_size);
    ModelFlops flops;
    flops.matrix =
        2 * tokens *
        (width * 2 * inner + groups * inner * (rank + 2 * states) + groups * rank * inner + inner * width);
    flops.scan = tokens * groups * inner * (6 * states + 5 + 2 * as_double(mamba.conv_width));
    return flops;
  }

  ModelFlops operator()(const nn::ParallelOptions& parallel) const {
    ModelFlops flops;
    for (const nn::MixerOptions& child : parallel.children) flops = flops + std::visit(*this, child.value);
    return flops;
  }

  ModelFlops operator()(const nn::FeedForwardOptions& branch) const {
    const bool gated =
        branch.activation == nn::Activation::swiglu || branch.activation == nn::Activation::geglu;
    ModelFlops flops;
    flops.matrix = 2 * tokens * (gated ? 3 : 2) * width * as_double(branch.size);
    return flops;
  }
};

}  // namespace

ModelFlops operator+(const ModelFlops& a, const ModelFlops& b) {
  return {a.matrix + b.matrix, a.attention + b.attention, a.scan + b.scan};
}

double visible_pairs(std::int64_t length, const nn::AttentionOptions& attention) {
  const auto side = [&](const std::optional<std::int64_t>& limit) {
    // Σ over positions of min(limit, those on that side)
    const double most = as_double(std::min(limit.value_or(length), length - 1));
    return most * (most + 1) / 2 + (as_double(length) - most - 1) * most;
  };
  if (length < 1) return 0;
  return as_double(length) + side(attention.window_left) +
         (attention.causal ? 0 : side(attention.window_right));
}

ModelFlops encoder_flops(const nn::ModelOptions& options, std::span<const std::int64_t> lengths) {
  LayerCounter count;
  count.integer_width = options.width;
  count.width = as_double(options.width);
  count.lengths = lengths;
  for (const std::int64_t length : lengths) count.tokens += as_double(length);
  ModelFlops flops;
  for (std::int64_t i = 0; i < options.num_layers; ++i) {
    const nn::LayerOptions& layer = options.layer(i);
    flops = flops + std::visit(count, layer.mixer.value);
    if (layer.feed_forward) flops = flops + count(*layer.feed_forward);
  }
  return flops;
}

ModelFlops head_flops(const nn::ModelOptions& options, double predicted_rows) {
  const double width = as_double(options.width);
  const double vocabulary = as_double((options.vocabulary_size + 63) / 64 * 64);
  ModelFlops flops;
  flops.matrix = 2 * predicted_rows * width * (width + vocabulary);
  return flops;
}

double training_products(const ModelFlops& forward) { return 3 * forward.products(); }

}  // namespace mabert::bench
