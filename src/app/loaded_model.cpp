#include "mabert/app/loaded_model.h"

#include <algorithm>
#include <system_error>

#include "mabert/core/error.h"
#include "mabert/nn/module_base.h"
#include "mabert/train/checkpoint_store.h"
#include "mabert/train/module_state.h"

namespace mabert::app {
namespace {

namespace fs = std::filesystem;

/// Subfolders seed-N of a fine-tuning's run directory.
std::vector<fs::path> seed_folders(const fs::path& run) {
  std::vector<fs::path> found;
  std::error_code ignored;
  for (fs::directory_iterator at(run, ignored), end; !ignored && at != end; at.increment(ignored)) {
    if (at->path().filename().string().starts_with("seed-") &&
        fs::exists(at->path() / "checkpoints", ignored))
      found.push_back(at->path());
  }
  std::sort(found.begin(), found.end());
  return found;
}

}  // namespace

fs::path find_checkpoint(const fs::path& run) {
  std::error_code ignored;
  if (fs::is_directory(run, ignored) && !fs::exists(run / "checkpoints", ignored) &&
      !fs::exists(run / "manifest.json", ignored)) {
    const auto seeds = seed_folders(run);
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

LoadedModel load_model(const fs::path& run, const std::string& device,
                       const std::vector<std::string>& overrides) {
  LoadedModel loaded{.checkpoint = find_checkpoint(run), .device = c10::Device(c10::kCPU)};
  const train::Checkpoint checkpoint(loaded.checkpoint);
  const std::string where = loaded.checkpoint.string();
  loaded.config = parse_run_config(checkpoint.config_yaml(), where + "/config.yaml", overrides);
  if (!loaded.config.task.name.empty()) {
    throw UsageError(where + ": expected a pretrained model, got one fine-tuned for " +
                     loaded.config.task.name);
  }
  loaded.config.train.device = device;
  loaded.device = train::prepare_device(loaded.config.train);
  loaded.tokenizer = data::parse_tokenizer(checkpoint.tokenizer(), where + "/tokenizer.model");
  loaded.model = nn::MaskedLanguageModel(loaded.config.model);
  train::load_weights(checkpoint, *loaded.model);
  loaded.model->to(loaded.device);
  loaded.model->eval();
  nn::set_compute_dtype(*loaded.model, train::compute_dtype(loaded.config.train.precision, loaded.device));
  return loaded;
}

LoadedLabelledModel load_labelled_model(const fs::path& run, const std::string& device,
                                        const std::vector<std::string>& overrides) {
  const fs::path directory = find_checkpoint(run);
  const train::Checkpoint checkpoint(directory);
  const std::string where = directory.string();
  RunConfig config = parse_run_config(checkpoint.config_yaml(), where + "/config.yaml", overrides);
  if (config.task.name.empty()) {
    throw UsageError(where +
                     ": expected a fine-tuned model, got a pretrained one; `mabert finetune` makes one");
  }
  config.train.device = device;
  const c10::Device target = train::prepare_device(config.train);
  data::TaskSpec task = data::resolve_task(config.task);
  train::LabelledModel model(task, config.model, config.finetune.head_dropout);
  train::load_weights(checkpoint, model.module());
  model.module().to(target);
  model.module().eval();
  nn::set_compute_dtype(model.module(), train::compute_dtype(config.train.precision, target));
  auto tokenizer = data::parse_tokenizer(checkpoint.tokenizer(), where + "/tokenizer.model");
  return {directory, std::move(config), std::move(task), std::move(tokenizer), std::move(model), target};
}

}  // namespace mabert::app
