#include "finetune_seed.h"

#include "prediction_files.h"
#include "run_directory.h"

#include <cmath>
#include <iostream>
#include <unistd.h>

#include <nlohmann/json.hpp>

#include "mabert/app/signals.h"
#include "mabert/core/files.h"
#include "mabert/nn/initialize.h"
#include "mabert/nn/module_base.h"
#include "mabert/train/checkpoint_store.h"
#include "mabert/train/console.h"
#include "mabert/train/labelled_evaluation.h"
#include "mabert/train/labelled_task.h"
#include "mabert/train/module_state.h"

namespace mabert::app {
namespace {

using Json = nlohmann::ordered_json;
using Set = std::shared_ptr<const data::LabelledSet>;

struct Sets {
  Set train, validation;  // validation: what selects; null where nothing is selected
};

Sets choose_sets(const FinetuneContext& context, const FinetuneRun& run) {
  const FinetuneOptions& options = context.config.finetune;
  const Set all = training_examples(context.data.train, context.config.task.max_train_rows, run.seed);
  if (options.selection == Selection::dev) {
    if (context.data.dev.empty())
      throw UsageError("finetune.selection: dev needs a dev set, got a task without one; set task.dev");
    return {all, context.data.dev.front().examples};
  }
  if (options.selection == Selection::last && !run.explores) return {all, nullptr};
  const data::Split split = data::split_examples(all->size(), options.slice_fraction, run.seed);
  if (split.slice.empty() || split.rest.empty()) {
    throw UsageError("finetune.slice_fraction: " + std::to_string(all->size()) +
                     " training examples are too few for a slice; use finetune.selection=last");
  }
  return {std::make_shared<const data::LabelledSet>(all->subset(split.rest)),
          std::make_shared<const data::LabelledSet>(all->subset(split.slice))};
}

train::LabelledModel make_model(const FinetuneContext& context, const FinetuneRun& run, spdlog::logger& log) {
  const RunConfig& config = context.config;
  train::LabelledModel model(context.task, config.model, config.finetune.head_dropout);
  nn::initialize_parameters(model.module(), config.model, run.seed);
  if (config.finetune.random_weights) {
    log.info("random weights, in the shape of {}", context.checkpoint.string());
  } else {
    const auto fresh = train::start_from(train::Checkpoint(context.checkpoint), model.module());
    log.info("weights of {}; {} parameters start anew (pooling and head)", context.checkpoint.string(),
             fresh.size());
  }
  model.module().to(context.device);
  nn::set_compute_dtype(model.module(), train::compute_dtype(config.train.precision, context.device));
  return model;
}

Json numbers_of(const train::Evaluation& evaluation) {
  Json json{{"loss", evaluation.loss}};
  for (const auto& [name, value] : evaluation.values) json[name] = value;
  return json;
}

Json confusion_of(const metrics::ConfusionMatrix& matrix) {
  Json rows = Json::array();
  for (std::int64_t label = 0; label < matrix.labels(); ++label) {
    Json row = Json::array();
    for (std::int64_t predicted = 0; predicted < matrix.labels(); ++predicted)
      row.push_back(matrix.count(label, predicted));
    rows.push_back(std::move(row));
  }
  return rows;
}

void write_into(const std::filesystem::path& path, const std::string& text) {
  std::error_code ignored;
  std::filesystem::create_directories(path.parent_path(), ignored);
  write_file_atomically(path, text);
}

/// Metrics on the dev sets and files of predictions.
void evaluate_sets(const FinetuneContext& context, const FinetuneRun& run, train::LabelledModel& model,
                   spdlog::logger& log, Json& result) {
  result["sets"] = Json::object();
  const data::BatchOptions& batch = context.config.batch;
  for (const NamedSet& set : context.data.dev) {
    const auto predictions = train::predict(model, context.task, *set.examples, batch, context.device);
    const auto evaluation = train::evaluate(context.task, *set.examples, predictions);
    Json json{{"examples", set.examples->size()}};
    json.update(numbers_of(evaluation));
    if (context.task.kind != data::TaskKind::regression)
      json["confusion"] = confusion_of(train::confusion(context.task, *set.examples, predictions));
    result["sets"][set.name] = json;
    std::string line;
    for (const auto& [name, value] : evaluation.values) line += fmt::format("  {} {:.4f}", name, value);
    log.info("{}:{}  loss {:.4f}", set.name, line, evaluation.loss);
    write_into(run.directory / "predictions" / (set.name + ".tsv"),
               prediction_table(context.task, *set.examples, predictions));
  }
  result["submissions"] = Json::array();
  for (const NamedSet& set : context.data.test) {
    const auto predictions = train::predict(model, context.task, *set.examples, batch, context.device);
    const bool wanted = set.submission.has_value();
    const std::filesystem::path name = wanted ? std::filesystem::path("submission") / *set.submission
                                              : std::filesystem::path("predictions") / (set.name + ".tsv");
    write_into(run.directory / name, wanted ? submission_text(context.task, *set.examples, predictions)
                                            : prediction_table(context.task, *set.examples, predictions));
    if (wanted) result["submissions"].push_back((run.directory.filename() / name).string());
  }
}

}  // namespace

FinetuneOutcome run_finetune_seed(const FinetuneContext& context, const FinetuneRun& run) {
  RunConfig config = context.config;
  config.run_dir = run.directory;
  config.train.seed = run.seed;
  config.optimizer.learning_rate = run.learning_rate;
  std::error_code ignored;
  std::filesystem::create_directories(run.directory, ignored);
  const RunLock lock(run.directory);
  require_same_run(run.directory, config);
  if (std::string done = finished_result(run.directory, config.train); !done.empty()) {
    std::cerr << run.directory.string() << ": this run is complete\n";
    return {std::move(done), 0};
  }
  const std::string resolved = write_config(run.directory, config);
  const bool is_terminal = ::isatty(STDERR_FILENO) != 0;
  const auto log = train::open_log(run.directory / "log.txt", std::cerr, is_terminal);
  const Sets sets = choose_sets(context, run);
  log->info("{}: {} on {}, {} examples to learn from{}", run.directory.string(), context.task.title,
            context.device.str(), sets.train->size(),
            sets.validation ? fmt::format(", {} to select by", sets.validation->size()) : "");
  train::LabelledModel model = make_model(context, run, *log);
  train::LabelledTask task(model, context.task, sets.train, sets.validation,
                           {context.device, run.seed, config.batch});

  const bool selects = sets.validation != nullptr && !run.explores;
  train::TrainOptions options = config.train;
  options.keep_best = selects;
  if (selects && options.validate_every == 0) options.validate_every = task.steps_in_epoch(0);
  if (run.explores) {
    options.validate_every = 0;
    options.patience.reset();
  }
  const train::TrainResult trained = train::train(
      task, {options, config.optimizer, config.schedule},
      {run.directory, resolved, context.tokenizer.serialized(), log, &stop_signal()}, std::cerr, is_terminal);
  if (trained.outcome == train::Outcome::interrupted) {
    log->info("interrupted and saved at step {}; run the same command to go on", trained.step);
    return {"", exit_code(trained)};
  }
  Json result = Json::parse(train::to_json(trained));
  if (!run.explores) {
    if (selects) {
      const train::Checkpoint best(train::resolve_checkpoint(run.directory));
      train::load_weights(best, model.module());
    }
    evaluate_sets(context, run, model, *log, result);
  }
  const std::string text = result.dump(2) + "\n";
  write_file_atomically(run.directory / "result.json", text);
  return {text, 0};
}

}  // namespace mabert::app
