#include "set_evaluation.h"

#include <cstdio>

namespace mabert::app {

SetEvaluation evaluate_set(train::LabelledModel& model, const data::TaskSpec& task,
                           const data::LabelledSet& set, const data::BatchOptions& batch,
                           c10::Device device) {
  SetEvaluation result{.predictions = train::predict(model, task, set, batch, device)};
  result.evaluation = train::evaluate(task, set, result.predictions);
  if (task.kind != data::TaskKind::regression)
    result.confusion = train::confusion(task, set, result.predictions);
  return result;
}

nlohmann::ordered_json to_json(const SetEvaluation& result, const data::LabelledSet& set) {
  nlohmann::ordered_json json{{"examples", set.size()}, {"loss", result.evaluation.loss}};
  for (const auto& [name, value] : result.evaluation.values) json[name] = value;
  if (!result.confusion) return json;
  auto& rows = json["confusion"] = nlohmann::ordered_json::array();
  for (std::int64_t label = 0; label < result.confusion->labels(); ++label) {
    auto row = nlohmann::ordered_json::array();
    for (std::int64_t predicted = 0; predicted < result.confusion->labels(); ++predicted)
      row.push_back(result.confusion->count(label, predicted));
    rows.push_back(std::move(row));
  }
  return json;
}

std::optional<std::size_t> only_prediction(const SetEvaluation& result) {
  if (!result.confusion) return std::nullopt;
  std::optional<std::size_t> only;
  for (std::int64_t predicted = 0; predicted < result.confusion->labels(); ++predicted) {
    for (std::int64_t label = 0; label < result.confusion->labels(); ++label) {
      if (result.confusion->count(label, predicted) == 0) continue;
      if (only && *only != static_cast<std::size_t>(predicted)) return std::nullopt;
      only = static_cast<std::size_t>(predicted);
    }
  }
  return only;
}

std::string describe(const train::Evaluation& evaluation) {
  std::string text;
  const auto append = [&](const std::string& name, double value) {
    char number[48];
    std::snprintf(number, sizeof number, " %.4f", value);
    text += "  " + name + number;
  };
  for (const auto& [name, value] : evaluation.values) append(name, value);
  append("loss", evaluation.loss);
  return text;
}

}  // namespace mabert::app
