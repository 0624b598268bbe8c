#include "mabert/nn/model_options.h"

#include <gtest/gtest.h>

#include "mabert/config/read.h"
#include "mabert/config/write.h"
#include "mabert/core/error.h"
#include "mabert/nn/masked_language_model.h"

namespace mabert::nn {
namespace {

struct PresetFile {
  ModelOptions model;

  template <class Self, class Visitor>
  static void visit_fields(Self& self, Visitor& visit) {
    visit("model", self.model, "Model.");
  }
};

std::string error_of(const std::string& yaml) {
  try {
    config::read<PresetFile>(config::parse(yaml, "test.yaml"));
  } catch (const UsageError& error) {
    return error.what();
  }
  return "no error";
}

TEST(ModelOptionsTest, DefaultsAreValidAndSurviveYaml) {
  const PresetFile file;
  EXPECT_FALSE(file.model.validate());
  const std::string text = config::to_yaml(file);
  const auto again = config::read<PresetFile>(config::parse(text, "again.yaml"));
  EXPECT_EQ(config::to_yaml(again), text);
}

TEST(ModelOptionsTest, Problems) {
  struct {
    const char* yaml;
    const char* message;
  } const cases[] = {
      {"model: {width: 770}",
       "model.blocks.transformer.mixer.heads: expected a divisor of the width 770, got 12"},
      {"model: {width: 36, positions: {type: rotary}}",
       "model.blocks.transformer.mixer.heads: expected an even width per head for rotary positions, got 36 / "
       "12 = 3"},
      {"model: {layer_pattern: [mamba, mambo]}",
       "model.layer_pattern[1]: expected a name among blocks (mamba, transformer), got mambo"},
      {"model: {layer_pattern: []}", "model.layer_pattern: expected at least one name, got an empty list"},
      {"model: {layer_pattern: [a], blocks: {a: {mixer: {type: mamba, conv_width: 9}}}}", "conv_width"},
      {"model: {layer_pattern: [a], blocks: {a: {mixer: {type: mamba, state_size: 65}}}}", "state_size"},
      {"model: {layer_pattern: [a], blocks: {a: {mixer: {type: retention}}}}", "model.blocks.a.mixer.type"},
      {"model: {layer_pattern: [a], blocks: {a: {mixer: {type: parallel}}}}",
       "model.blocks.a.mixer.children: expected at least one mixer, got an empty list"},
      {"model: {layer_pattern: [a], blocks: {a: {mixer: {type: parallel, children: [{type: mamba}, {type: "
       "attention, "
       "heads: 7}]}}}}",
       "model.blocks.a.mixer.children[1].heads: expected a divisor of the width 768, got 7"},
      {"model: {norm: {placement: sideways}}", "model.norm.placement"},
      {"model: {blocks: {mamba: {mixer: {type: mamba, heads: 3}}}}", "model.blocks.mamba.mixer.heads"},
  };
  for (const auto& test : cases) {
    EXPECT_NE(error_of(test.yaml).find(test.message), std::string::npos) << test.yaml << "\n"
                                                                         << error_of(test.yaml);
  }
  EXPECT_EQ((HeadOptions{.num_labels = 3, .regression = true}.validate()->key), "num_labels");
}

TEST(ModelOptionsTest, PatternIsCycledAndOccurrencesCounted) {
  ModelOptions options;
  EXPECT_EQ(options.block_name(2), "transformer");
  EXPECT_EQ(options.block_name(4), "mamba");
  EXPECT_EQ(options.mixer_settings(4).occurrence, 3);
  EXPECT_EQ(options.mixer_settings(5).occurrence, 1);
  EXPECT_EQ(options.residual_branches(), 16);
}

TEST(ModelOptionsTest, PresetsBuildWithTheirSizes) {
  struct {
    const char* name;
    std::int64_t parameters;
  } const presets[] = {
      {"mabert-tiny", 4408832},   {"mabert-tiny-alternate", 4408832},
      {"bert-tiny", 5463296},     {"mamba-tiny", 4057344},
      {"mabert-small", 14062720}, {"mabert-small-alternate", 14062720},
      {"bert-small", 17302144},   {"mamba-small", 12443008},
      {"mabert-base", 82992186},  {"mabert-base-alternate", 82992186},
      {"bert-base", 109515834},   {"mamba-base", 69730362},
  };
  for (const auto& preset : presets) {
    const auto file = config::load_config<PresetFile>(MABERT_SOURCE_DIR "/configs/model/" +
                                                      std::string(preset.name) + ".yaml");
    const MaskedLanguageModel model(file.model);
    std::int64_t total = 0;
    for (const auto& parameter : model->parameters()) total += parameter.numel();
    EXPECT_EQ(total, preset.parameters) << preset.name;
    const auto& mamba = file.model.blocks.find("mamba");
    const bool alternates = std::string_view(preset.name).ends_with("alternate") ||
                            std::string_view(preset.name).starts_with("mamba-");
    if (mamba != file.model.blocks.end()) {
      EXPECT_EQ(std::get<MambaOptions>(mamba->second.mixer.value).direction,
                alternates ? MambaDirection::alternate : MambaDirection::forward);
    }
  }
}

}  // namespace
}  // namespace mabert::nn
