#include <fstream>
#include <set>
#include <sstream>

#include <gtest/gtest.h>

#include "mabert/config/read.h"
#include "mabert/nn/masked_language_model.h"
#include "mabert/nn/sequence_classifier.h"

namespace mabert::nn {
namespace {

struct PresetFile {
  ModelOptions model;

  template <class Self, class Visitor>
  static void visit_fields(Self& self, Visitor& visit) {
    visit("model", self.model, "Model.");
  }
};

using Names = std::set<std::string>;

ModelOptions tiny() {
  return config::load_config<PresetFile>(MABERT_SOURCE_DIR "/configs/model/mabert-tiny.yaml").model;
}

/// "name shape" of every parameter.
Names names_of(const torch::nn::Module& model) {
  Names names;
  for (const auto& item : model.named_parameters()) {
    std::ostringstream line;
    line << item.key() << " " << item.value().sizes();
    names.insert(line.str());
  }
  return names;
}

/// Lines "name [shape] | name elsewhere"; # begins a comment.
Names golden(const std::string& file) {
  std::ifstream in(MABERT_SOURCE_DIR "/tests/golden/" + file);
  EXPECT_TRUE(in) << file;
  Names names;
  for (std::string line; std::getline(in, line);) {
    if (!line.empty() && line[0] != '#') names.insert(line.substr(0, line.find(" | ")));
  }
  return names;
}

TEST(ParameterNamesTest, MaskedLanguageModel) {
  EXPECT_EQ(names_of(*MaskedLanguageModel(tiny())), golden("parameter_names_masked_language_model.txt"));
}

TEST(ParameterNamesTest, SequenceClassifier) {
  ModelOptions options = tiny();
  options.num_layers = 1;
  options.layer_pattern = {"hybrid"};
  MixerOptions both{MambaOptions{.direction = MambaDirection::bidirectional}};
  options.blocks["hybrid"] = {
      MixerOptions{ParallelOptions{{both, MixerOptions{AttentionOptions{.heads = 4}}}}}, {}};
  EXPECT_EQ(names_of(*SequenceClassifier(options, HeadOptions{})),
            golden("parameter_names_sequence_classifier.txt"));
}

}  // namespace
}  // namespace mabert::nn
