#include "glue_text.h"

#include <nlohmann/json.hpp>

namespace mabert::app {
namespace {

using Json = nlohmann::ordered_json;

template <class T>
Json or_null(const std::optional<T>& value) {
  return value ? Json(*value) : Json(nullptr);
}

std::string selection_name(Selection selection) {
  for (const auto& [name, value] : config::EnumNames<Selection>::names) {
    if (value == selection) return std::string(name);
  }
  return "";
}

Json statistic_json(const GlueStatistic& statistic) {
  Json values = Json::array();
  for (const auto& value : statistic.values) values.push_back(or_null(value));
  return {{"mean", or_null(statistic.mean)}, {"deviation", or_null(statistic.deviation)}, {"values", values}};
}

Json task_json(const GlueTaskRow& row) {
  const GlueTaskResult& result = row.result;
  Json json{{"title", result.task->title},
            {"init_from", result.init_from},
            {"random_weights", result.random_weights},
            {"pretraining", nullptr},
            {"selection", selection_name(result.selection)},
            {"slice_fraction", or_null(result.slice_fraction)},
            {"learning_rate", result.learning_rate},
            {"learning_rates_tried", result.grid},
            {"epochs", or_null(result.epochs)},
            {"steps", result.steps},
            {"train_examples", result.train_examples},
            {"max_train_rows", or_null(result.max_train_rows)},
            {"precision", result.precision},
            {"device", result.device},
            {"seeds", Json::array()},
            {"runs", Json::array()},
            {"score", statistic_json(row.score)},
            {"sets", Json::object()}};
  if (result.pretraining)
    json["pretraining"] = Json{{"steps", result.pretraining->steps}, {"tokens", result.pretraining->tokens}};
  for (const GlueSeedResult& seed : result.seeds) {
    json["seeds"].push_back(seed.seed);
    json["runs"].push_back(
        Json{{"seed", seed.seed}, {"steps", seed.steps}, {"tokens", seed.tokens}, {"seconds", seed.seconds}});
  }
  for (const data::TaskSet& set : result.task->dev) {
    const auto metrics = row.sets.find(set.name);
    if (metrics == row.sets.end()) continue;
    Json& target = json["sets"][set.name];
    target["official_examples"] = or_null(set.rows);
    for (const GlueSeedResult& seed : result.seeds) {
      if (const auto found = seed.sets.find(set.name); found != seed.sets.end())
        target["examples"] = found->second.examples;
    }
    for (const metrics::Metric metric : result.task->metrics) {
      const std::string name(metrics::metric_name(metric));
      target["metrics"][name] = statistic_json(metrics->second.at(name));
    }
    if (const auto confusion = summed_confusion(row, set.name); !confusion.empty())
      target["confusion"] = Json{{"labels", result.labels}, {"counts", confusion}};
  }
  return json;
}

/// As RFC 4180 wants it.
std::string field(const std::string& text) {
  if (text.find_first_of(",\"\r\n") == std::string::npos) return text;
  std::string quoted = "\"";
  for (const char c : text) quoted += c == '"' ? "\"\"" : std::string(1, c);
  return quoted + "\"";
}

std::string whole(const std::optional<std::int64_t>& value) { return value ? std::to_string(*value) : ""; }

/// The cells of a line that hold for all numbers of a task.
std::string settings(const GlueTaskResult& result) {
  return join({selection_name(result.selection), exact_text(result.learning_rate), exact_text(result.epochs),
               std::to_string(result.steps), std::to_string(result.train_examples),
               whole(result.max_train_rows), field(result.init_from), field(result.precision),
               field(result.device), result.pretraining ? std::to_string(result.pretraining->steps) : "",
               result.pretraining ? std::to_string(result.pretraining->tokens) : ""},
              ",");
}

}  // namespace

std::string glue_json(std::span<const GlueRow> rows) {
  Json models = Json::array();
  for (const GlueRow& row : rows) {
    Json model{{"name", row.name},
               {"folder", row.folder.string()},
               {"model", row.model()},
               {"random_weights", row.random_weights()},
               {"average",
                {{"tasks", row.average.tasks},
                 {"mean", or_null(row.average.mean)},
                 {"deviation", or_null(row.average.deviation)}}},
               {"unfinished", row.unfinished},
               {"tasks", Json::object()}};
    for (const data::TaskSpec& task : data::glue_tasks()) {
      if (const GlueTaskRow* found = row.find(task.name)) model["tasks"][task.name] = task_json(*found);
    }
    Json over = Json::array();
    for (const GlueRow& random : rows) {
      if (row.random_weights() || !random.random_weights() || row.model() != random.model()) continue;
      for (const GlueGain& gain : gains(row, random)) {
        over.push_back(Json{{"random", random.name},
                            {"task", gain.task},
                            {"difference", gain.difference},
                            {"pooled_deviation", or_null(gain.pooled_deviation)}});
      }
    }
    model["over_random_weights"] = over;
    models.push_back(std::move(model));
  }
  return Json{{"facts", glue_facts(rows)}, {"notes", glue_notes(rows)}, {"models", models}}.dump(2) + "\n";
}

std::string glue_csv(std::span<const GlueRow> rows) {
  std::string text =
      "model,random_weights,task,set,metric,mean,deviation,seeds,examples,selection,learning_rate,epochs,"
      "steps,"
      "train_examples,max_train_rows,init_from,precision,device,pretraining_steps,pretraining_tokens\n";
  for (const GlueRow& row : rows) {
    const std::string start = field(row.name) + "," + (row.random_weights() ? "true" : "false") + ",";
    for (const data::TaskSpec& task : data::glue_tasks()) {
      const GlueTaskRow* found = row.find(task.name);
      if (found == nullptr) continue;
      const auto line = [&](const std::string& set, const std::string& metric, const GlueStatistic& statistic,
                            const std::string& examples) {
        text += start +
                join({task.name, set, metric, exact_text(statistic.mean), exact_text(statistic.deviation),
                      std::to_string(statistic.values.size()), examples, settings(found->result)},
                     ",") +
                "\n";
      };
      for (const data::TaskSet& set : task.dev) {
        const auto metrics = found->sets.find(set.name);
        if (metrics == found->sets.end()) continue;
        std::string examples;
        for (const GlueSeedResult& seed : found->result.seeds) {
          if (const auto result = seed.sets.find(set.name); result != seed.sets.end())
            examples = std::to_string(result->second.examples);
        }
        for (const metrics::Metric metric : task.metrics) {
          const std::string name(metrics::metric_name(metric));
          line(set.name, name, metrics->second.at(name), examples);
        }
      }
      line("", "score", found->score, "");
    }
    // Its set names the tasks that it is over; their settings stand in their own lines.
    text += start +
            join({"average", join(row.average.tasks, "+"), "score", exact_text(row.average.mean),
                  exact_text(row.average.deviation)},
                 ",") +
            std::string(13, ',') + "\n";
  }
  return text;
}

}  // namespace mabert::app
