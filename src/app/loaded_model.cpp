#include "mabert/app/loaded_model.h"

#include <algorithm>
#include <optional>
#include <string_view>
#include <system_error>
#include <utility>

#include "mabert/core/error.h"
#include "mabert/nn/module_base.h"
#include "mabert/train/checkpoint_store.h"
#include "mabert/train/module_state.h"

namespace mabert::app {
namespace {

namespace fs = std::filesystem;

/// Subfolders PREFIX… of a run directory that hold runs themselves.
std::vector<fs::path> inner_runs(const fs::path& run, std::string_view prefix) {
  std::vector<fs::path> found;
  std::error_code ignored;
  for (fs::directory_iterator at(run, ignored), end; !ignored && at != end; at.increment(ignored)) {
    if (at->path().filename().string().starts_with(prefix) && fs::exists(at->path() / "checkpoints", ignored))
      found.push_back(at->path());
  }
  std::sort(found.begin(), found.end());
  return found;
}

/// The stage of an extension that went furthest: of length-N, the largest N.
std::optional<fs::path> longest_stage(const fs::path& run) {
  const auto stages = inner_runs(run, "length-");
  const auto rank = [](const fs::path& path) {  // by the number, whose digits are as many or more
    const std::string name = path.filename().string();
    return std::pair(name.size(), name);
  };
  const auto longest = std::max_element(
      stages.begin(), stages.end(), [&](const fs::path& a, const fs::path& b) { return rank(a) < rank(b); });
  return longest == stages.end() ? std::nullopt : std::optional(*longest);
}

}  // namespace

fs::path find_checkpoint(const fs::path& run) {
  std::error_code ignored;
  if (fs::is_directory(run, ignored) && !fs::exists(run / "checkpoints", ignored) &&
      !fs::exists(run / "manifest.json", ignored)) {
    if (const auto stage = longest_stage(run)) return train::resolve_checkpoint(*stage);
    const auto seeds = inner_runs(run, "seed-");
    if (seeds.size() == 1) return train::resolve_checkpoint(seeds.front());
    if (seeds.size() > 1) {
      throw UsageError(run.string() + ": holds the runs of " + std::to_string(seeds.size()) +
                       " seeds; name one, e.g. " + seeds.front().string());
    }
  }
  return train::resolve_checkpoint(run);
}

RunConfig checkpoint_config(const fs::path& checkpoint, const std::vector<std::string>& overrides) {
  return parse_run_config(train::Checkpoint(checkpoint).config_yaml(), (checkpoint / "config.yaml").string(),
                          overrides);
}

void place(torch::nn::Module& module, const RunConfig& config, c10::Device device) {
  module.to(device);
  nn::set_compute_dtype(module, train::compute_dtype(config.train.precision, device));
}

namespace {

/// What every kind of model is loaded from.
struct Opened {
  train::Checkpoint checkpoint;
  RunConfig config;
  std::shared_ptr<const data::Tokenizer> tokenizer;
  c10::Device device;

  /// Gives a model that was built for it the weights, ready to compute.
  void load(torch::nn::Module& module) const {
    train::load_weights(checkpoint, module);
    place(module, config, device);
    module.eval();
    nn::cache_compute_weights(module, true);
  }
};

Opened open(const fs::path& run, const std::string& device, const std::vector<std::string>& overrides) {
  train::Checkpoint checkpoint(find_checkpoint(run));
  const std::string where = checkpoint.directory().string();
  RunConfig config = parse_run_config(checkpoint.config_yaml(), where + "/config.yaml", overrides);
  config.train.device = device;
  auto tokenizer = data::parse_tokenizer(checkpoint.tokenizer(), where + "/tokenizer.model");
  const c10::Device target = train::prepare_device(config.train);
  return {std::move(checkpoint), std::move(config), std::move(tokenizer), target};
}

}  // namespace

LoadedModel load_model(const fs::path& run, const std::string& device,
                       const std::vector<std::string>& overrides) {
  Opened opened = open(run, device, overrides);
  const fs::path directory = opened.checkpoint.directory();
  if (!opened.config.task.name.empty()) {
    throw UsageError(directory.string() + ": expected a pretrained model, got one fine-tuned for " +
                     opened.config.task.name);
  }
  nn::MaskedLanguageModel model(opened.config.model);
  opened.load(*model);
  return {directory, std::move(opened.config), std::move(opened.tokenizer), std::move(model), opened.device};
}

LoadedLabelledModel load_labelled_model(const fs::path& run, const std::string& device,
                                        const std::vector<std::string>& overrides) {
  Opened opened = open(run, device, overrides);
  const fs::path directory = opened.checkpoint.directory();
  if (opened.config.task.name.empty()) {
    throw UsageError(directory.string() +
                     ": expected a fine-tuned model, got a pretrained one; `mabert finetune` makes one");
  }
  data::TaskSpec task = data::resolve_task(opened.config.task);
  train::LabelledModel model(task, opened.config.model, opened.config.finetune.head_dropout);
  opened.load(model.module());
  return {directory,        std::move(opened.config),
          std::move(task),  std::move(opened.tokenizer),
          std::move(model), opened.device};
}

}  // namespace mabert::app
