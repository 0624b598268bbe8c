#pragma once

#include "trainer_fixture.h"

#include <memory>
#include <sstream>
#include <string>
#include <vector>

#include <ATen/Parallel.h>

#include "mabert/data/loader.h"
#include "mabert/data/shard_set.h"
#include "mabert/data/tokenizer.h"
#include "mabert/nn/initialize.h"
#include "mabert/nn/masked_language_model.h"
#include "mabert/train/mlm_task.h"

namespace mabert::train::testing {

/// Text of numbers, each being its own id.
class NumberTokenizer final : public data::Tokenizer {
 public:
  static constexpr std::int64_t kVocabulary = 21;
  class NumberEncoder final : public data::Encoder {
   public:
    void append(std::string_view text, std::vector<std::int32_t>& ids) override {
      std::istringstream words{std::string(text)};
      for (std::int32_t id = 0; words >> id;) ids.push_back(id);
    }
  };
  std::vector<std::int32_t> encode_continuation(std::string_view) const override { return {}; }
  std::unique_ptr<data::Encoder> encoder() const override { return std::make_unique<NumberEncoder>(); }
  std::string decode(std::span<const std::int32_t>) const override { return {}; }
  std::string piece(std::int32_t id) const override { return std::to_string(id); }
  std::int64_t vocabulary_size() const override { return kVocabulary; }
  const std::string& serialized() const override { return bytes_; }

 private:
  std::string bytes_ = "numbers";
};

/// A hybrid of two layers.
inline nn::ModelOptions tiny_options(double dropout = 0.0) {
  nn::ModelOptions options;
  options.vocabulary_size = NumberTokenizer::kVocabulary;
  options.width = 32;
  options.num_layers = 2;
  options.layer_pattern = {"mamba", "transformer"};
  options.blocks["transformer"].mixer.value = nn::AttentionOptions{.heads = 2};
  options.blocks["transformer"].feed_forward->size = 64;
  options.positions.max_length = 16;
  options.dropout = dropout;
  return options;
}

/// A tiny hybrid model and a corpus of arithmetic progressions: a token follows from its neighbours.
class MlmTest : public RunTest {
 protected:
  MlmTest() { at::set_num_threads(1); }  // tensors this small only pay for more

  std::shared_ptr<const data::ShardSet> shards(const std::string& name, std::int64_t documents,
                                               std::int64_t first) const {
    constexpr std::int64_t kOrdinary = NumberTokenizer::kVocabulary - 5;
    data::ShardSetWriter writer(directory_ / name, NumberTokenizer(), 1 << 20);
    for (std::int64_t i = first; i < first + documents; ++i) {
      std::vector<std::int32_t> tokens;
      for (std::int64_t j = 0; j < 8 + i * 7 % 17; ++j) {
        tokens.push_back(static_cast<std::int32_t>(5 + (i * 11 + j) % kOrdinary));
      }
      writer.append(tokens);
    }
    writer.finish();
    return std::make_shared<const data::ShardSet>(directory_ / name);
  }

  static data::MlmOptions data_options(std::int64_t sequences, std::int64_t accumulation) {
    data::MlmOptions options;
    options.samples.max_length = 16;
    options.batch.sequences = sequences;
    options.batch.accumulation = accumulation;
    return options;
  }

  static nn::MaskedLanguageModel make_model(double dropout = 0.0) {
    const nn::ModelOptions options = tiny_options(dropout);
    nn::MaskedLanguageModel model(options);
    nn::initialize_parameters(*model, options, 1);
    return model;
  }

  std::shared_ptr<data::MlmLoader> loader(std::int64_t sequences, std::int64_t accumulation) const {
    return std::make_shared<data::MlmLoader>(train_, data_options(sequences, accumulation),
                                             data::LoaderContext{.seed = 1});
  }

  std::shared_ptr<const data::ShardSet> train_ = shards("train", 100, 0), valid_ = shards("valid", 20, 100);
  std::shared_ptr<const data::MlmEvaluation> evaluation_ =
      std::make_shared<const data::MlmEvaluation>(valid_, data_options(4, 1), data::LoaderContext{.seed = 1});
};

}  // namespace mabert::train::testing
