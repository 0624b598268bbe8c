#include "benchmarks/model/bench_model.h"

#include "benchmarks/ops/checks.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include <ATen/ops/nonzero.h>
#include <c10/core/GradMode.h>

#include "mabert/nn/initialize.h"

namespace mabert::bench {
namespace {

constexpr std::uint64_t kTokenSeed = 7;

c10::Device device_of(const nn::MaskedLanguageModel& model) { return model->parameters().front().device(); }

bool has_attention(const nn::MixerOptions& mixer) {
  if (std::holds_alternative<nn::AttentionOptions>(mixer.value)) return true;
  const auto* parallel = std::get_if<nn::ParallelOptions>(&mixer.value);
  return parallel != nullptr &&
         std::any_of(parallel->children.begin(), parallel->children.end(), has_attention);
}

}  // namespace

app::RunConfig load_model_config(const std::filesystem::path& path,
                                 const std::vector<std::string>& overrides) {
  // What a file of a model leaves open. A model may have fewer positions than samples have by default.
  std::vector<std::string> all{"train.steps=1000000", "train.log_every=1000000", "samples.max_length=16",
                               "samples.min_length=4"};
  all.insert(all.end(), overrides.begin(), overrides.end());
  app::RunConfig config = app::load_run_config(path, all);
  if (config.model.vocabulary_size == 0) config.model.vocabulary_size = kVocabulary;
  config.train.epochs.reset();
  config.train.validate_every = config.train.checkpoint_every = 0;
  return config;
}

void raise_positions(app::RunConfig& config, std::int64_t length) {
  config.model.positions.max_length = std::max(config.model.positions.max_length, length);
}

nn::MaskedLanguageModel build_model(const app::RunConfig& config, std::uint64_t seed) {
  nn::ModelOptions options = config.model;
  options.initializer_range = 1 / std::sqrt(static_cast<double>(options.width));
  nn::MaskedLanguageModel model(options);
  nn::initialize_parameters(*model, options, seed);
  return model;
}

at::Tensor encode(nn::MaskedLanguageModel& model, const ModelBatch& batch) {
  const c10::NoGradGuard no_grad;
  return model->hidden(batch.token_ids, batch.segment_ids, batch.layout, {});
}

ModelReference reference_forward(nn::MaskedLanguageModel& model, std::int64_t longest) {
  const std::vector<std::int64_t> lengths{std::min<std::int64_t>(33, longest), 1,
                                          std::min<std::int64_t>(131, longest)};
  const std::int64_t vocabulary = model->options().vocabulary_size;
  ModelReference reference;
  reference.ragged = make_model_batch(lengths, data::BatchLayout::ragged, vocabulary, kTokenSeed);
  reference.padded = make_model_batch(lengths, data::BatchLayout::padded, vocabulary, kTokenSeed);
  model->to(at::kDouble);
  reference.hidden = encode(model, reference.ragged);
  model->to(at::kFloat);
  return reference;
}

std::vector<Check> check_forward(nn::MaskedLanguageModel& model, const ModelReference& reference,
                                 at::ScalarType dtype) {
  const c10::Device device = device_of(model);
  const double allowed = model_tolerance(dtype);
  const at::Tensor ragged = encode(model, reference.ragged.to(device));
  std::vector<Check> checks =
      compare("forward", {{"hidden state", ragged}}, {{"hidden state", reference.hidden}}, allowed);

  const ModelBatch padded = reference.padded.to(device);
  nn::ForwardContext context;
  context.pad_fill = std::numeric_limits<double>::quiet_NaN();
  const c10::NoGradGuard no_grad;
  const at::Tensor rows = model->hidden(padded.token_ids, padded.segment_ids, padded.layout, context);
  const at::Tensor valid = at::nonzero(padded.layout.row_mask()).squeeze(1);
  for (Check& check : compare("padded, NaN in its pads", {{"valid rows", rows.index_select(0, valid)}},
                              {{"valid rows", ragged}}, allowed)) {
    checks.push_back(std::move(check));
  }
  return checks;
}

double model_tolerance(at::ScalarType dtype) {
  if (dtype == at::kBFloat16) return 2.5e-2;
  return dtype == at::kHalf ? 5e-3 : 2e-5;
}

double weight_bytes(const nn::MaskedLanguageModel& model, at::ScalarType dtype) {
  double elements = 0;
  for (const auto& parameter : model->encoder->named_parameters()) {
    if (parameter.key().rfind("embeddings.", 0) != 0)
      elements += static_cast<double>(parameter.value().numel());
  }
  return elements * static_cast<double>(c10::elementSize(dtype));
}

std::string attention_kernel(const nn::ModelOptions& options, c10::Device device, at::ScalarType dtype) {
  bool found = false;
  for (std::int64_t i = 0; i < options.num_layers; ++i) found |= has_attention(options.layer(i).mixer);
  if (!found) return "";
  if (!device.is_cuda()) return "exact";
  return dtype == at::kFloat ? "efficient" : "flash";
}

}  // namespace mabert::bench
