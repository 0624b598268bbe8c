// The verb that turns a pretrained model into one for a labelled task, over several seeds.
#include "finetune_seed.h"
#include "run_directory.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <cstdio>
#include <iostream>
#include <map>
#include <optional>
#include <ostream>

#include "mabert/app/loaded_model.h"
#include "mabert/app/signals.h"
#include "mabert/app/verbs.h"
#include "mabert/core/files.h"
#include "mabert/metrics/metric.h"
#include "mabert/train/checkpoint.h"

namespace mabert::app {
namespace {

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

/// What one trial reached on the slice (or on dev), with "score" and "loss": null where there is nothing, as
/// after a run that diverged, of which a result is left for other processes.
Json try_learning_rate(const FinetuneContext& context, const FinetuneRun& run, int& code) {
  const std::filesystem::path path = run.directory / "result.json";
  if (is_there(path)) {
    const Json earlier = parse_result(read_text_file(path, kMaxResultBytes), path);
    if (earlier.value("outcome", Json()) == "non_finite") return nullptr;
  }
  try {
    const FinetuneOutcome outcome = run_finetune_seed(context, run);
    if ((code = outcome.code) != 0) return nullptr;
    const Json validation = parse_result(outcome.result, path).value("validation", Json());
    if (!validation.is_object()) throw DataError(path.string() + ": not a trial's result; remove it");
    return validation;
  } catch (const NonFiniteError& error) {
    std::cerr << error.what() << '\n';
    write_file_atomically(path, "{\"outcome\": \"non_finite\", \"seconds\": 0}\n");
    return nullptr;
  }
}

/// Tries every learning rate, with seed 1 so that processes for other seeds of the same run agree (they wait
/// for the answer), and takes the one with the best score; of equal ones that with
/// the lower loss. Errors: UsageError
/// when none has a score.
Grid choose_learning_rate(const FinetuneContext& context) {
  std::vector<double> rates = context.config.finetune.learning_rates;
  if (rates.empty()) return {context.config.optimizer.learning_rate};
  if (rates.size() == 1) return {rates.front()};
  std::sort(rates.begin(), rates.end());
  const std::filesystem::path folder = *context.config.run_dir / "grid";
  std::filesystem::create_directories(folder);
  const RunLock lock(folder, RunLock::IfTaken::wait);
  Grid grid{.tried = Json::array()};
  std::optional<std::pair<double, double>> best;
  for (const double rate : rates) {
    const Json found =
        try_learning_rate(context, {folder / ("lr-" + rate_text(rate)), 1, rate, true}, grid.code);
    if (grid.code != 0) return grid;
    const Json score = found.is_object() ? found.value("score", Json()) : Json(),
               loss = found.is_object() ? found.value("loss", Json()) : Json();
    grid.tried.push_back({{"learning_rate", rate}, {"score", score}, {"loss", loss}});
    if (!score.is_number() || !loss.is_number()) continue;
    const std::pair rank(score.get<double>(), -loss.get<double>());
    if (best && !(rank > *best)) continue;
    best = rank;
    grid.learning_rate = rate;
  }
  if (!best) {
    throw UsageError("finetune.learning_rates: none of them gave a score (see " + folder.string() +
                     "); try smaller ones");
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
    if (values[set][name].size() != seeds.size())
      throw DataError("result.json: a seed lacks " + set + "'s " + name +
                      "; remove that seed's and start again");
    const auto [mean, deviation] = metrics::mean_and_deviation(values[set][name]);
    summary[set][name] = {{"mean", mean}, {"deviation", deviation ? Json(*deviation) : Json()}};
  }
  return summary;
}

/// What one finished seed contributes.
Json seed_entry(std::uint64_t seed, const Json& result) {
  Json entry{{"seed", seed}, {"steps", result.value("step", Json())}};
  for (const char* name : {"tokens", "seconds", "best_step", "sets", "submissions"})
    if (result.contains(name)) entry[name] = result[name];
  return entry;
}

/// Every finished seed of the run directory that this configuration made, by number: earlier starts count,
/// and so do other processes.
std::map<std::uint64_t, Json> finished_seeds(const FinetuneContext& context, double learning_rate) {
  std::map<std::uint64_t, Json> found;
  for (const auto& entry : std::filesystem::directory_iterator(*context.config.run_dir)) {
    const std::string name = entry.path().filename().string();
    std::uint64_t seed = 0;
    if (!name.starts_with("seed-")) continue;
    const auto [end, error] = std::from_chars(name.data() + 5, name.data() + name.size(), seed);
    if (error != std::errc() || end != name.data() + name.size()) continue;
    const FinetuneRun run{entry.path(), seed, learning_rate, false};
    if (std::optional<Json> result = finished_run(context, run)) {
      found.emplace(seed, std::move(*result));
    } else if (is_there(entry.path() / "result.json")) {
      std::cerr << entry.path().string() << ": left out, it was made otherwise\n";
    }
  }
  return found;
}

/// The value that all seeds have, else "mixed".
Json common_value(const std::map<std::uint64_t, Json>& results, const char* name) {
  const Json first = results.begin()->second.value(name, Json());
  const bool same = std::all_of(results.begin(), results.end(),
                                [&](const auto& item) { return item.second.value(name, Json()) == first; });
  return same ? first : Json("mixed");
}

Json describe_run(const FinetuneContext& context, const Grid& grid,
                  const std::map<std::uint64_t, Json>& results) {
  const RunConfig& config = context.config;
  const data::TaskSpec& task = context.task;
  Json json{{"task", task.name},
            {"title", task.title},
            {"kind", config::enum_name(task.kind)},
            {"labels", task.labels},
            {"metrics", Json::array()},
            {"init_from", config.model.init_from->string()},
            {"model", context.start.model},
            {"random_weights", config.finetune.random_weights},
            {"selection", config::enum_name(config.finetune.selection)},
            {"slice_fraction", config.finetune.slice_fraction},
            {"learning_rate", grid.learning_rate}};
  for (const metrics::Metric metric : task.metrics) json["metrics"].push_back(metrics::metric_name(metric));
  if (!grid.tried.is_null()) json["grid"] = grid.tried;
  json["epochs"] = config.train.epochs ? Json(*config.train.epochs) : Json();
  json["train_examples"] = context.data.train->size();
  json["max_train_rows"] = config.task.max_train_rows ? Json(*config.task.max_train_rows) : Json();
  json["precision"] = common_value(results, "precision");
  json["device"] = common_value(results, "device");
  if (!config.finetune.random_weights && !context.start.pretraining.is_null())
    json["pretraining"] = context.start.pretraining;
  Json seeds = Json::array();
  for (const auto& [seed, result] : results) seeds.push_back(seed_entry(seed, result));
  json["steps"] = seeds.front()["steps"];
  json["seeds"] = seeds;
  json["summary"] = summarize(seeds);
  return json;
}

/// The run that `model.init_from` names, and what is known of it.
FinetuneStart find_start(const RunConfig& config, const data::TaskSpec& task) {
  const auto name_of = [](const std::filesystem::path& run) {
    return (run.has_filename() ? run : run.parent_path()).filename().string();
  };
  FinetuneStart start{.checkpoint = find_checkpoint(*config.model.init_from),
                      .model = name_of(*config.model.init_from)};
  const train::Checkpoint checkpoint(start.checkpoint);
  const Json manifest = parse_result(checkpoint.manifest_json(), start.checkpoint / "manifest.json");
  start.checksum = manifest.at("files").at("model.safetensors").at("xxh3").get<std::string>();
  const RunConfig earlier =
      parse_run_config(checkpoint.config_yaml(), (start.checkpoint / "config.yaml").string(), {});
  if (earlier.task.name.empty()) {
    const Json state = parse_result(checkpoint.state_json(), start.checkpoint / "state.json");
    start.pretraining = {{"steps", state.value("step", Json())}, {"tokens", state.value("tokens", Json())}};
  } else {
    const data::TaskSpec before = data::resolve_task(earlier.task);
    start.has_same_labels =
        before.name == task.name && before.kind == task.kind && before.labels == task.labels;
    if (earlier.model.init_from) start.model = name_of(*earlier.model.init_from);
  }
  return start;
}

/// What the seeds asked for reached; the run directory may hold more.
void print_summary(const Json& result, std::uint64_t first, std::int64_t count, std::ostream& out) {
  Json asked = Json::array();
  for (const Json& seed : result["seeds"]) {
    const auto number = seed["seed"].get<std::uint64_t>();
    if (number >= first && number - first < static_cast<std::uint64_t>(count)) asked.push_back(seed);
  }
  const Json summary = summarize(asked);
  for (const auto& [set, numbers] : summary.items()) {
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
  if (config.train.max_minutes) {
    throw UsageError(
        "train.max_minutes: expected null, since runs cut short cannot be compared; lower train.epochs");
  }
  const data::TaskSpec task = data::resolve_task(config.task);
  const FinetuneStart start = find_start(config, task);
  const auto tokenizer = data::parse_tokenizer(train::Checkpoint(start.checkpoint).tokenizer(),
                                               (start.checkpoint / "tokenizer.model").string());
  const TaskData data = open_task_data(config, task, *tokenizer);
  for (const std::string& note : data.notes) std::cerr << note << '\n';
  const c10::Device device = train::prepare_device(config.train);
  const FinetuneContext context{config, task, data, *tokenizer, start, device};

  install_signal_handlers();
  const Grid grid = choose_learning_rate(context);
  if (grid.code != 0) return grid.code;
  for (std::int64_t i = 0; i < arguments.seeds; ++i) {
    const std::uint64_t seed = config.train.seed + static_cast<std::uint64_t>(i);
    const FinetuneOutcome outcome = run_finetune_seed(
        context, {*config.run_dir / ("seed-" + std::to_string(seed)), seed, grid.learning_rate, false});
    if (outcome.code != 0) return outcome.code;
  }
  const RunLock lock(*config.run_dir, RunLock::IfTaken::wait);
  const Json result = describe_run(context, grid, finished_seeds(context, grid.learning_rate));
  write_file_atomically(*config.run_dir / "result.json", result.dump(2) + "\n");
  if (arguments.json) {
    out << result.dump(2) << '\n';
  } else {
    print_summary(result, config.train.seed, arguments.seeds, out);
    out << (*config.run_dir / "result.json").string();
    if (const std::size_t all = result["seeds"].size(); all > static_cast<std::size_t>(arguments.seeds))
      out << " (" << all << " seeds)";
    out << '\n';
  }
  return 0;
}

}  // namespace mabert::app
