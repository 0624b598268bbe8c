// The verb that turns a pretrained model into one for a labelled task, over several seeds.
#include "finetune_seed.h"
#include "run_directory.h"

#include <cmath>
#include <cstdio>
#include <iostream>
#include <map>
#include <ostream>

#include <nlohmann/json.hpp>

#include "mabert/app/loaded_model.h"
#include "mabert/app/signals.h"
#include "mabert/app/verbs.h"
#include "mabert/core/files.h"
#include "mabert/metrics/metric.h"
#include "mabert/train/checkpoint.h"

namespace mabert::app {
namespace {

using Json = nlohmann::ordered_json;

/// A result of this program; its numbers are checked where they are used.
Json parse_result(const std::string& text, const std::filesystem::path& path) {
  Json json = Json::parse(text, nullptr, /*allow_exceptions=*/false);
  if (!json.is_object())
    throw DataError(path.string() + ": not a result; remove it and run the command again");
  return json;
}

std::string rate_text(double rate) {
  char text[32];
  std::snprintf(text, sizeof text, "%g", rate);
  return text;
}

struct Grid {
  double learning_rate = 0;
  Json tried = nullptr;  ///< null: there was nothing to choose
  int code = 0;
};

/// Tries every learning rate with the first seed and takes the one with the best score on the slice
/// (selection dev: on dev); of equal ones the smallest. Processes that work on other seeds of the same run
/// wait for the answer.
Grid choose_learning_rate(const FinetuneContext& context) {
  std::vector<double> rates = context.config.finetune.learning_rates;
  if (rates.empty()) return {context.config.optimizer.learning_rate};
  if (rates.size() == 1) return {rates.front()};
  std::sort(rates.begin(), rates.end());
  const std::filesystem::path folder = *context.config.run_dir / "grid";
  std::filesystem::create_directories(folder);
  const RunLock lock(folder, RunLock::IfTaken::wait);
  Grid grid{.tried = Json::array()};
  double best = -INFINITY;
  for (const double rate : rates) {
    const FinetuneRun run{folder / ("lr-" + rate_text(rate)), 1, rate, true};
    const FinetuneOutcome outcome = run_finetune_seed(context, run);
    if (outcome.code != 0) return {.code = outcome.code};
    const Json result = parse_result(outcome.result, run.directory / "result.json");
    const Json score = result.value("validation", Json::object()).value("score", Json());
    const double value = score.is_number() ? score.get<double>() : -INFINITY;
    grid.tried.push_back({{"learning_rate", rate}, {"score", score}});
    if (value > best || grid.learning_rate == 0) {
      best = value;
      grid.learning_rate = rate;
    }
  }
  std::cerr << "learning rate " << rate_text(grid.learning_rate) << " was best\n";
  return grid;
}

/// Mean and deviation over the seeds of every number of every dev set.
Json summarize(const Json& seeds) {
  std::map<std::string, std::map<std::string, std::vector<double>>> values;
  std::vector<std::pair<std::string, std::string>> order;
  for (const Json& seed : seeds) {
    const Json sets = seed.value("sets", Json::object());
    for (const auto& [set, numbers] : sets.items()) {
      for (const auto& [name, value] : numbers.items()) {
        if (name == "examples" || name == "confusion") continue;
        auto& list = values[set][name];
        if (list.empty()) order.emplace_back(set, name);
        list.push_back(value.is_number() ? value.get<double>() : NAN);
      }
    }
  }
  Json summary = Json::object();
  for (const auto& [set, name] : order) {
    const auto [mean, deviation] = metrics::mean_and_deviation(values[set][name]);
    summary[set][name] = {{"mean", mean}, {"deviation", deviation ? Json(*deviation) : Json()}};
  }
  return summary;
}

/// What the model had learned from before: of a pretrained checkpoint its steps and tokens.
Json pretraining_of(const FinetuneContext& context) {
  if (context.config.finetune.random_weights) return nullptr;
  const RunConfig start = checkpoint_config(context.checkpoint, {});
  if (!start.task.name.empty()) return nullptr;
  const Json state = parse_result(train::Checkpoint(context.checkpoint).state_json(), context.checkpoint);
  return {{"steps", state.value("step", Json())}, {"tokens", state.value("tokens", Json())}};
}

Json describe_run(const FinetuneContext& context, const Grid& grid) {
  const RunConfig& config = context.config;
  const data::TaskSpec& task = context.task;
  const std::filesystem::path start = *config.model.init_from;
  Json json{{"task", task.name},
            {"title", task.title},
            {"kind", config::enum_name(task.kind)},
            {"labels", task.labels},
            {"metrics", Json::array()},
            {"init_from", start.string()},
            {"model", (start.has_filename() ? start : start.parent_path()).filename().string()},
            {"random_weights", config.finetune.random_weights},
            {"selection", config::enum_name(config.finetune.selection)},
            {"slice_fraction", config.finetune.slice_fraction},
            {"learning_rate", grid.learning_rate}};
  for (const metrics::Metric metric : task.metrics) json["metrics"].push_back(metrics::metric_name(metric));
  if (!grid.tried.is_null()) json["grid"] = grid.tried;
  json["epochs"] = config.train.epochs ? Json(*config.train.epochs) : Json();
  json["train_examples"] = context.data.train->size();
  json["max_train_rows"] = config.task.max_train_rows ? Json(*config.task.max_train_rows) : Json();
  json["precision"] =
      train::compute_dtype(config.train.precision, context.device) == at::kBFloat16 ? "bfloat16" : "float32";
  json["device"] = context.device.str();
  if (const Json pretraining = pretraining_of(context); !pretraining.is_null())
    json["pretraining"] = pretraining;
  return json;
}

void print_summary(const Json& result, std::ostream& out) {
  const std::size_t count = result["seeds"].size();
  for (const auto& [set, numbers] : result["summary"].items()) {
    out << result["title"].get<std::string>() << ' ' << set << ':';
    for (const auto& [name, value] : numbers.items()) {
      char text[96];
      const double mean = value["mean"].is_number() ? value["mean"].get<double>() : NAN;
      if (value["deviation"].is_number()) {
        std::snprintf(text, sizeof text, "  %s %.4f ± %.4f", name.c_str(), mean,
                      value["deviation"].get<double>());
      } else {
        std::snprintf(text, sizeof text, "  %s %.4f", name.c_str(), mean);
      }
      out << text;
    }
    out << "  (" << count << (count == 1 ? " seed" : " seeds") << ")\n";
  }
}

}  // namespace

int run_finetune(const FinetuneArguments& arguments, std::ostream& out) {
  const RunConfig config = load_finetune_config(arguments.config, arguments.overrides);
  require_valid("train", config.train);
  require_valid("batch", config.batch);
  const data::TaskSpec task = data::resolve_task(config.task);
  const std::filesystem::path start = find_checkpoint(*config.model.init_from);
  const auto tokenizer =
      data::parse_tokenizer(train::Checkpoint(start).tokenizer(), (start / "tokenizer.model").string());
  const TaskData data = open_task_data(config, task, *tokenizer);
  for (const std::string& note : data.notes) std::cerr << note << '\n';
  const c10::Device device = train::prepare_device(config.train);
  const FinetuneContext context{config, task, data, *tokenizer, start, device};

  install_signal_handlers();
  const Grid grid = choose_learning_rate(context);
  if (grid.code != 0) return grid.code;
  Json seeds = Json::array();
  for (std::int64_t i = 0; i < arguments.seeds; ++i) {
    const std::uint64_t seed = config.train.seed + static_cast<std::uint64_t>(i);
    const FinetuneRun run{*config.run_dir / ("seed-" + std::to_string(seed)), seed, grid.learning_rate,
                          false};
    const FinetuneOutcome outcome = run_finetune_seed(context, run);
    if (outcome.code != 0) return outcome.code;
    const Json result = parse_result(outcome.result, run.directory / "result.json");
    Json kept{{"seed", seed}, {"steps", result.value("step", Json())}};
    for (const char* name : {"tokens", "seconds", "sets", "submissions"})
      kept[name] = result.value(name, Json());
    seeds.push_back(std::move(kept));
  }
  Json result = describe_run(context, grid);
  result["steps"] = seeds.front()["steps"];
  result["seeds"] = seeds;
  result["summary"] = summarize(seeds);
  write_file_atomically(*config.run_dir / "result.json", result.dump(2) + "\n");
  if (arguments.json) {
    out << result.dump(2) << '\n';
  } else {
    print_summary(result, out);
    out << (*config.run_dir / "result.json").string() << '\n';
  }
  return 0;
}

}  // namespace mabert::app
