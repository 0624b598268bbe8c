#include "mabert/nn/initialize.h"

#include "nn/models.h"

#include <ATen/Parallel.h>
#include <gtest/gtest.h>

#include "mabert/nn/masked_language_model.h"
#include "mabert/nn/parameter_groups.h"
#include "mabert/nn/sequence_classifier.h"

namespace mabert::nn {
namespace {

using namespace testing;

ModelOptions built_options() {
  ModelOptions options = small_options();
  options.vocabulary_size = 1000;
  options.width = 64;
  options.initializer_range = 0.02;
  return options;
}

std::map<std::string, at::Tensor> initialized(const ModelOptions& options, std::uint64_t seed) {
  MaskedLanguageModel model(options);
  initialize_parameters(*model, options, seed);
  std::map<std::string, at::Tensor> parameters;
  for (const auto& item : model->named_parameters()) parameters[item.key()] = item.value().detach();
  return parameters;
}

double least(const at::Tensor& x) { return x.min().item<double>(); }
double most(const at::Tensor& x) { return x.max().item<double>(); }

TEST(InitializeTest, EachKindOfParameterStartsAsDesigned) {
  const auto parameters = initialized(built_options(), 1);
  const auto mixer = [&](const std::string& name) { return parameters.at("encoder.layers.1.mixer." + name); };
  for (const char* name : {"encoder.embeddings.token.weight", "encoder.embeddings.positions.weight",
                           "encoder.layers.0.mixer.in_proj.weight", "encoder.layers.2.mixer.qkv.weight",
                           "encoder.layers.2.feed_forward.in_proj.weight", "head.dense.weight"}) {
    EXPECT_NEAR(rms(parameters.at(name)), 0.02, 0.0015) << name;
    EXPECT_NEAR(parameters.at(name).mean().item<double>(), 0, 0.002) << name;
  }
  EXPECT_EQ(parameters.at("encoder.embeddings.token_types.weight").count_nonzero().item<std::int64_t>(), 0);
  const at::Tensor a_log = mixer("A_log");  // (2·128, 4): bidirectional
  EXPECT_LE(difference(a_log, at::tensor({1.0, 2.0, 3.0, 4.0}, at::kFloat).log().expand({256, 4})), 1e-6);
  EXPECT_EQ(difference(mixer("D"), at::ones({256})), 0);
  const at::Tensor step = mixer("dt_proj.bias").to(at::kDouble).exp().log1p();
  EXPECT_GE(least(step), 1e-3 * 0.999);
  EXPECT_LE(most(step), 0.1 * 1.001);
  EXPECT_NEAR(step.log().mean().item<double>(), std::log(1e-2), 0.25);  // log-uniform
  const double bound = 1 / std::sqrt(4.0);                              // R = 64 / 16
  EXPECT_LE(most(mixer("dt_proj.weight").abs()), bound);
  EXPECT_GT(most(mixer("dt_proj.weight").abs()), 0.97 * bound);
  EXPECT_LE(most(mixer("conv1d.weight").abs()), 0.5);
  for (const auto& [name, value] : parameters) {
    if (name.ends_with("norm.weight")) {
      EXPECT_EQ(difference(value, at::ones_like(value)), 0) << name;
    }
    const bool other_bias =
        name.find("conv1d") != std::string::npos || name.find("dt_proj") != std::string::npos;
    if (name.ends_with("bias") && !other_bias) {
      EXPECT_EQ(value.count_nonzero().item<std::int64_t>(), 0) << name;
    }
  }
}

TEST(InitializeTest, OnlyPreNormStacksScaleWhatEndsABranch) {
  ModelOptions options = built_options();
  const char* out = "encoder.layers.2.mixer.out_proj.weight";
  EXPECT_EQ(options.residual_branches(), 5);
  EXPECT_NEAR(rms(initialized(options, 1).at(out)), 0.02 / std::sqrt(5.0), 0.0006);
  options.norm.placement = NormPlacement::post;
  EXPECT_NEAR(rms(initialized(options, 1).at(out)), 0.02, 0.001);
}

TEST(InitializeTest, DependsOnNameAndSeedOnly) {
  const ModelOptions options = built_options();
  const int threads = at::get_num_threads();
  at::set_num_threads(1);
  const auto one = initialized(options, 1);
  at::set_num_threads(3);
  const auto again = initialized(options, 1), other = initialized(options, 2);
  at::set_num_threads(threads);
  for (const auto& [name, value] : one) EXPECT_TRUE(same_bits(value, again.at(name))) << name;
  EXPECT_FALSE(same_bits(one.at("head.dense.weight"), other.at("head.dense.weight")));
  EXPECT_FALSE(same_bits(one.at("encoder.layers.0.mixer.in_proj.weight"),
                         one.at("encoder.layers.3.mixer.in_proj.weight")));

  SequenceClassifier classifier(options, HeadOptions{});
  initialize_parameters(*classifier, options, 1);
  for (const auto& item : classifier->named_parameters()) {
    if (one.contains(item.key())) {
      EXPECT_TRUE(same_bits(item.value(), one.at(item.key()))) << item.key();
    }
  }
}

TEST(InitializeTest, DecayGroups) {
  for (const auto& [name, value] : initialized(built_options(), 1)) {
    const bool exempt = name.ends_with("bias") || name.ends_with("norm.weight") || name.ends_with("A_log") ||
                        name.ends_with(".D") || name == "encoder.embeddings.positions.weight";
    EXPECT_EQ(is_decayed(name, value), !exempt) << name;
  }
}

}  // namespace
}  // namespace mabert::nn
