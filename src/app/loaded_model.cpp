#include "mabert/app/loaded_model.h"

#include "run_directory.h"

#include <algorithm>
#include <optional>
#include <string_view>
#include <system_error>
#include <utility>

#include "mabert/app/extend_stages.h"
#include "mabert/core/error.h"
#include "mabert/core/files.h"
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

/// The last stage of the extension in a run directory that was trained.
std::optional<fs::path> last_stage(const fs::path& run) {
  const fs::path path = run / "config.yaml";
  if (!is_there(path) || inner_runs(run, "length-").empty()) return std::nullopt;
  const RunConfig config = parse_run_config(read_text_file(path, kMaxConfigBytes), path.string(), {});
  const std::vector<ExtendStage>& stages = config.extend.stages;
  for (auto stage = stages.rbegin(); stage != stages.rend(); ++stage) {
    const fs::path directory = stage_directory(run, stage->length);
    const auto steps = train::CheckpointStore(directory / "checkpoints", 1).steps();
    if (!steps.empty() && steps.back() > 0) return directory;
  }
  if (stages.empty()) return std::nullopt;
  throw CheckpointError(run.string() +
                        ": no stage of this extension has been trained yet; run `mabert extend` first");
}

}  // namespace

fs::path find_checkpoint(const fs::path& run) {
  std::error_code ignored;
  if (fs::is_directory(run, ignored) && !fs::exists(run / "checkpoints", ignored) &&
      !fs::exists(run / "manifest.json", ignored)) {
    if (const auto stage = last_stage(run)) return train::resolve_checkpoint(*stage);
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

std::string precision_name(const RunConfig& config, c10::Device device) {
  return train::compute_dtype(config.train.precision, device) == at::kBFloat16 ? "bfloat16" : "float32";
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
