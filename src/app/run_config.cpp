#include "mabert/app/run_config.h"

#include "extend_keys.h"

#include "mabert/app/extend_stages.h"
#include "mabert/app/loaded_model.h"
#include "mabert/app/verbs.h"
#include "mabert/config/describe.h"
#include "mabert/config/document.h"
#include "mabert/config/read.h"
#include "mabert/config/write.h"
#include "mabert/core/error.h"
#include "mabert/train/checkpoint.h"

namespace mabert::app {
namespace {

/// The checkpoint that model.init_from names. Errors: UsageError when it names none.
train::Checkpoint start_of(const config::Document& given, const std::filesystem::path& path) {
  const config::Node* model = given.root.find("model");
  const config::Node* start = model ? model->find("init_from") : nullptr;
  if (start == nullptr || start->kind != config::Node::Kind::scalar || start->text.empty()) {
    throw UsageError(path.string() +
                     ": model.init_from: expected the run to start from, got none; e.g. "
                     "model.init_from=runs/mabert-small");
  }
  return train::Checkpoint(find_checkpoint(start->text));
}

/// Section `model` of the configuration that a checkpoint was saved with.
config::Document model_section(const train::Checkpoint& checkpoint) {
  config::Document document =
      config::parse(checkpoint.config_yaml(), (checkpoint.directory() / "config.yaml").string());
  std::erase_if(document.root.children, [](const config::Node& child) { return child.key != "model"; });
  return document;
}

}  // namespace

std::optional<config::Problem> RunConfig::validate() const {
  if (samples.max_length > model.positions.max_length) {
    return config::Problem{
        "samples.max_length",
        "at most model.positions.max_length (" + std::to_string(model.positions.max_length) + ")",
        std::to_string(samples.max_length)};
  }
  return std::nullopt;
}

RunConfig load_run_config(const std::filesystem::path& path, const std::vector<std::string>& overrides) {
  auto config = config::read<RunConfig>(config::load(path, overrides));
  if (!config.run_dir) config.run_dir = std::filesystem::path("runs") / path.stem();
  return config;
}

RunConfig load_finetune_config(const std::filesystem::path& path, const std::vector<std::string>& overrides) {
  config::Document given = config::load(path, overrides);
  config::Document base = model_section(start_of(given, path));
  auto config = config::read<RunConfig>(config::over(std::move(base), std::move(given)));
  if (!config.run_dir) config.run_dir = std::filesystem::path("runs") / path.stem();
  return config;
}

RunConfig load_extend_config(const std::filesystem::path& path, const std::vector<std::string>& overrides) {
  config::Document given = config::load(path, overrides);
  const train::Checkpoint start = start_of(given, path);
  const std::string where = start.directory().string();
  const RunConfig earlier = parse_run_config(start.config_yaml(), where + "/config.yaml", {});
  if (!earlier.task.name.empty()) {
    throw UsageError("model.init_from: " + where + ": expected a pretrained model, got one fine-tuned for " +
                     earlier.task.name);
  }
  const std::int64_t length = earlier.model.positions.max_length;
  const std::vector<StageKey> keys = take_stage_keys(given, path.string());
  config::Document base =
      config::over(model_section(start),
                   config::parse("samples: {max_length: " + std::to_string(length) + "}\ntrain: {steps: 1}\n",
                                 path.string()));
  auto config = config::read<RunConfig>(config::over(std::move(base), std::move(given)));
  if (!config.run_dir) config.run_dir = std::filesystem::path("runs") / path.stem();
  require_extension(config);
  config.train.steps = 0;
  for (const ExtendStage& stage : config.extend.stages) *config.train.steps += stage.steps;
  require_stage_values(keys, config);
  return config;
}

RunConfig parse_run_config(const std::string& text, const std::string& name,
                           const std::vector<std::string>& overrides) {
  return config::read<RunConfig>(config::parse(text, name, overrides));
}

std::string to_yaml(const RunConfig& config) { return config::to_yaml(config); }

std::string identity(const RunConfig& config) {
  RunConfig same = config;
  same.run_dir.reset();
  same.tokenizer = {};
  same.shards = {};
  // What only decides how often something is written, where it runs, or how fast it goes.
  same.batch.prefetch = data::BatchOptions{}.prefetch;
  same.batch.workers = data::BatchOptions{}.workers;
  train::TrainOptions options;
  options.steps = config.train.steps;
  options.epochs = config.train.epochs;
  options.clip_norm = config.train.clip_norm;
  options.precision = config.train.precision;
  options.seed = config.train.seed;
  // These decide which checkpoint counts.
  if (config.finetune.selection != Selection::last) {
    options.patience = config.train.patience;
    options.validate_every = config.train.validate_every;
  }
  same.train = options;
  same.finetune.learning_rates.clear();  // the one that was chosen is the optimizer's
  return config::to_yaml(same);
}

std::string describe_config() { return config::describe(RunConfig{}); }

}  // namespace mabert::app
