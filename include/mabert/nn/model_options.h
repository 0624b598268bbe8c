#pragma once

#include <array>
#include <cstdint>
#include <filesystem>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "mabert/config/fields.h"
#include "mabert/nn/feed_forward_options.h"
#include "mabert/nn/mixer_options.h"
#include "mabert/nn/norm_options.h"

namespace mabert::nn {

struct LayerOptions {
  MixerOptions mixer;
  std::optional<FeedForwardOptions> feed_forward;

  template <class Self, class Visitor>
  static void visit_fields(Self& self, Visitor& visit) {
    visit("mixer", self.mixer, "What mixes positions.");
    visit("feed_forward", self.feed_forward, "Row-wise branch after the mixer; null: none.");
  }
};

enum class PositionType { learned, rotary, none };

struct PositionOptions {
  PositionType type = PositionType::learned;
  std::int64_t max_length = 512;
  double rotary_base = 10000;

  template <class Self, class Visitor>
  static void visit_fields(Self& self, Visitor& visit) {
    visit("type", self.type,
          "A learned table, rotation of queries and keys, or none (the mixers must tell order).");
    visit("max_length", self.max_length, config::between(1, 1 << 20),
          "Longest sequence, special tokens included.");
    visit("rotary_base", self.rotary_base, config::at_least(1),
          "Slowest wavelength over 2 pi, in positions.");
  }
};

enum class PoolingType { attention, cls, mean, max };
enum class ResidualDtype { compute, float32 };

struct ModelOptions {
  std::optional<std::filesystem::path> init_from;
  std::int64_t vocabulary_size = 0;
  std::int64_t width = 768;
  std::int64_t num_layers = 12;
  std::vector<std::string> layer_pattern{"mamba", "mamba", "transformer"};
  bool share_layers = false;
  std::map<std::string, LayerOptions> blocks{
      {"mamba", LayerOptions{MixerOptions{MambaOptions{}}, std::nullopt}},
      {"transformer", LayerOptions{MixerOptions{AttentionOptions{}}, FeedForwardOptions{}}}};
  PositionOptions positions;
  std::int64_t token_types = 2;
  NormOptions norm;
  PoolingType pooling = PoolingType::attention;
  ResidualDtype residual_dtype = ResidualDtype::compute;
  double dropout = 0;
  double initializer_range = 0.02;

  template <class Self, class Visitor>
  static void visit_fields(Self& self, Visitor& visit) {
    visit("init_from", self.init_from,
          "Run or checkpoint that the weights come from; for `finetune` the rest of this section, too, is as "
          "there "
          "unless given.");
    visit("vocabulary_size", self.vocabulary_size, config::between(0, 1 << 24),
          "Tokens; 0: as many as the tokenizer has.");
    visit("width", self.width, config::between(1, 1 << 16), "Model width (D).");
    visit("num_layers", self.num_layers, config::between(1, 1024), "Layers.");
    visit("layer_pattern", self.layer_pattern, "Names of blocks, repeated over the layers.");
    visit("share_layers", self.share_layers,
          "Every repetition of the pattern uses the weights of the first (as ALBERT does).");
    visit("blocks", self.blocks, "What a layer of each name is.");
    visit("positions", self.positions, "How the model knows where a token stands.");
    visit("token_types", self.token_types, config::between(0, 16), "Segment embeddings; 0: none.");
    visit("norm", self.norm, "Normalisation.");
    visit("pooling", self.pooling, "How a sequence becomes one vector.");
    visit("residual_dtype", self.residual_dtype, "Precision of the sum of branches under bf16 compute.");
    visit("dropout", self.dropout, config::between(0.0, 0.9),
          "Rate after the embedding and after each branch.");
    visit("initializer_range", self.initializer_range, config::between(0.0, 1.0),
          "Standard deviation of new weights.");
  }

  std::optional<config::Problem> validate() const;

  /// The block of layer `index` and how many layers of that block come before. Needs valid options.
  const LayerOptions& layer(std::int64_t index) const { return blocks.at(block_name(index)); }
  const std::string& block_name(std::int64_t index) const;
  MixerSettings mixer_settings(std::int64_t index) const;

  /// Layers with weights of their own: layer i uses those of layer i mod distinct_layers().
  std::int64_t distinct_layers() const;

  /// Branches added to the residual stream in the whole stack.
  std::int64_t residual_branches() const;
};

/// Task head of a SequenceClassifier.
struct HeadOptions {
  std::int64_t num_labels = 2;
  bool regression = false;
  double dropout = 0.1;

  template <class Self, class Visitor>
  static void visit_fields(Self& self, Visitor& visit) {
    visit("num_labels", self.num_labels, config::between(1, 1 << 20), "Classes; 1 for regression.");
    visit("regression", self.regression, "Predict a number instead of a class.");
    visit("dropout", self.dropout, config::between(0.0, 0.9), "Rate on the pooled vector.");
  }

  std::optional<config::Problem> validate() const;
};

/// Errors: UsageError `[section] key: expected ..., got ...` for what validate() finds, for options made by
/// hand.
void check_options(const ModelOptions& options);
void check_options(const HeadOptions& options);

}  // namespace mabert::nn

namespace mabert::config {
template <>
struct EnumNames<nn::PositionType> {
  static constexpr std::array names{EnumName{"learned", nn::PositionType::learned},
                                    EnumName{"rotary", nn::PositionType::rotary},
                                    EnumName{"none", nn::PositionType::none}};
};
template <>
struct EnumNames<nn::PoolingType> {
  static constexpr std::array names{
      EnumName{"attention", nn::PoolingType::attention}, EnumName{"cls", nn::PoolingType::cls},
      EnumName{"mean", nn::PoolingType::mean}, EnumName{"max", nn::PoolingType::max}};
};
template <>
struct EnumNames<nn::ResidualDtype> {
  static constexpr std::array names{EnumName{"compute", nn::ResidualDtype::compute},
                                    EnumName{"float32", nn::ResidualDtype::float32}};
};
}  // namespace mabert::config
