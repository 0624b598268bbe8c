#include "finetune_seed.h"

#include "prediction_files.h"
#include "run_directory.h"
#include "set_evaluation.h"

#include <algorithm>
#include <iostream>
#include <unistd.h>

#include <nlohmann/json.hpp>

#include "mabert/app/loaded_model.h"
#include "mabert/app/signals.h"
#include "mabert/core/files.h"
#include "mabert/nn/initialize.h"
#include "mabert/train/checkpoint_store.h"
#include "mabert/train/console.h"
#include "mabert/train/labelled_evaluation.h"
#include "mabert/train/labelled_task.h"
#include "mabert/train/module_state.h"

namespace mabert::app {
namespace {

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
    log.info("random weights, in the shape of {}", context.start.checkpoint.string());
  } else {
    // Another task's classes mean something else, even where there are as many.
    const auto fresh = train::start_from(train::Checkpoint(context.start.checkpoint), model.module(),
                                         context.start.has_same_labels);
    log.info("weights of {}; {} parameters start anew", context.start.checkpoint.string(), fresh.size());
  }
  place(model.module(), config, context.device);
  return model;
}

void write_into(const std::filesystem::path& path, const std::string& text) {
  std::error_code ignored;
  std::filesystem::create_directories(path.parent_path(), ignored);
  write_file_atomically(path, text);
}

std::filesystem::path file_of(const NamedSet& test) {
  return test.submission ? std::filesystem::path("submission") / *test.submission
                         : std::filesystem::path("predictions") / (test.name + ".tsv");
}

bool lacks_predictions(const FinetuneContext& context, const FinetuneRun& run) {
  return std::any_of(context.data.test.begin(), context.data.test.end(),
                     [&](const NamedSet& test) { return !is_there(run.directory / file_of(test)); });
}

void require_finite(const train::Predictions& predictions, const FinetuneRun& run) {
  if (predictions.are_finite()) return;
  throw NonFiniteError(
      run.directory.string() +
      ": the trained model predicts NaN; lower optimizer.learning_rate, and remove this folder");
}

/// Metrics on the dev sets and tables of predictions. False when a signal came between two sets.
bool evaluate_dev(const FinetuneContext& context, const FinetuneRun& run, train::LabelledModel& model,
                  spdlog::logger& log, Json& result) {
  result["sets"] = Json::object();
  for (const NamedSet& set : context.data.dev) {
    if (stop_signal() != 0) return false;
    const SetEvaluation evaluated =
        evaluate_set(model, context.task, *set.examples, context.config.batch, context.device);
    require_finite(evaluated.predictions, run);
    result["sets"][set.name] = to_json(evaluated, *set.examples);
    log.info("{}:{}", set.name, describe(evaluated.evaluation));
    if (const auto only = only_prediction(evaluated); only && context.task.kind != data::TaskKind::tokens)
      log.warn("{}: every example is predicted '{}'", set.name, context.task.labels.at(*only));
    write_into(run.directory / "predictions" / (set.name + ".tsv"),
               prediction_table(context.task, *set.examples, evaluated.predictions));
  }
  return true;
}

/// Files of predictions of the test sets that lack one. False when a signal came between two sets.
bool predict_test(const FinetuneContext& context, const FinetuneRun& run, train::LabelledModel& model,
                  spdlog::logger& log, Json& result) {
  result["submissions"] = Json::array();
  for (const NamedSet& set : context.data.test) {
    const std::filesystem::path path = run.directory / file_of(set);
    if (!is_there(path)) {
      if (stop_signal() != 0) return false;
      log.info("{}: predicting {} examples into {}", set.name, set.examples->size(), path.string());
      const auto predictions =
          train::predict(model, context.task, *set.examples, context.config.batch, context.device);
      require_finite(predictions, run);
      write_into(path, set.submission ? submission_text(context.task, *set.examples, predictions)
                                      : prediction_table(context.task, *set.examples, predictions));
    }
    if (set.submission) result["submissions"].push_back((run.directory.filename() / file_of(set)).string());
  }
  return true;
}

/// What the run's numbers are of: two starts of a run must agree in it.
Json describe_inputs(const FinetuneContext& context) {
  Json json{{"start", context.config.finetune.random_weights ? Json() : Json(context.start.checksum)},
            {"train", context.data.train->fingerprint()}};
  for (const NamedSet& set : context.data.dev) json[set.name] = set.examples->fingerprint();
  return json;
}

/// What of the inputs is not what the finished run was made with; empty: nothing.
std::string changed_input(const FinetuneContext& context, const Json& result) {
  const Json now = describe_inputs(context), then = result.value("inputs", Json());
  for (const auto& [name, value] : now.items()) {
    if (then.is_object() && then.value(name, Json()) == value) continue;
    return name == "start" ? "model.init_from has other weights than" : "the " + name + " set is not";
  }
  return "";
}

/// This run's own configuration.
RunConfig config_of(const FinetuneContext& context, const FinetuneRun& run) {
  RunConfig config = context.config;
  config.run_dir = run.directory;
  config.train.seed = run.seed;
  config.optimizer.learning_rate = run.learning_rate;
  return config;
}

FinetuneOutcome write_result(const FinetuneRun& run, const Json& result) {
  const std::string text = result.dump(2) + "\n";
  write_file_atomically(run.directory / "result.json", text);
  return {text, 0};
}

/// The model of a finished run: the selected checkpoint's.
train::LabelledModel selected_model(const FinetuneContext& context, const FinetuneRun& run) {
  train::LabelledModel model(context.task, context.config.model, context.config.finetune.head_dropout);
  train::load_weights(train::Checkpoint(train::resolve_checkpoint(run.directory)), model.module());
  place(model.module(), context.config, context.device);
  return model;
}

FinetuneOutcome finish_again(const FinetuneContext& context, const FinetuneRun& run,
                             const std::string& done) {
  const std::filesystem::path path = run.directory / "result.json";
  Json result = parse_result(done, path);
  if (!run.explores && !result.value("sets", Json()).is_object())
    throw DataError(path.string() + ": not a fine-tuning's result; remove it to train this run again");
  if (const std::string changed = changed_input(context, result); !changed.empty()) {
    throw UsageError(run.directory.string() + ": " + changed +
                     " what this finished run was made with; choose another run_dir, or remove this one");
  }
  if (run.explores || !lacks_predictions(context, run)) {
    std::cerr << run.directory.string() << ": this run is complete\n";
    return {done, 0};
  }
  const auto log = train::open_log(run.directory / "log.txt", std::cerr, ::isatty(STDERR_FILENO) != 0);
  log->info("{}: this run is complete but for test sets that came later", run.directory.string());
  train::LabelledModel model = selected_model(context, run);
  if (!predict_test(context, run, model, *log, result)) return {"", 128 + stop_signal()};
  return write_result(run, result);
}

}  // namespace

Json parse_result(const std::string& text, const std::filesystem::path& path) {
  Json json = Json::parse(text, nullptr, /*allow_exceptions=*/false);
  if (!json.is_object())
    throw DataError(path.string() + ": not a result; remove it and run the command again");
  return json;
}

std::optional<Json> finished_run(const FinetuneContext& context, const FinetuneRun& run) {
  const RunConfig config = config_of(context, run);
  if (!difference_to(run.directory, config).empty()) return std::nullopt;
  const std::string done = finished_result(run.directory, config.train);
  if (done.empty()) return std::nullopt;
  Json result = parse_result(done, run.directory / "result.json");
  if (!result.value("sets", Json()).is_object() || !changed_input(context, result).empty())
    return std::nullopt;
  return result;
}

FinetuneOutcome run_finetune_seed(const FinetuneContext& context, const FinetuneRun& run) {
  const RunConfig config = config_of(context, run);
  std::error_code ignored;
  std::filesystem::create_directories(run.directory, ignored);
  const RunLock lock(run.directory);
  require_same_run(run.directory, config);
  if (const std::string done = finished_result(run.directory, config.train); !done.empty())
    return finish_again(context, run, done);
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
  result["inputs"] = describe_inputs(context);
  result["train_examples"] = context.data.train->size();
  result["precision"] = precision_name(config, context.device);
  result["device"] = context.device.str();
  if (!run.explores) {
    if (selects)
      train::load_weights(train::Checkpoint(train::resolve_checkpoint(run.directory)), model.module());
    if (!evaluate_dev(context, run, model, *log, result) ||
        !predict_test(context, run, model, *log, result)) {
      log->info("interrupted; run the same command to evaluate");
      return {"", 128 + stop_signal()};
    }
  }
  return write_result(run, result);
}

}  // namespace mabert::app
