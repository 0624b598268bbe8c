#include "evaluation_json.h"

#include <limits>

namespace mabert::train {

nlohmann::ordered_json describe(const Evaluation& evaluation) {
  nlohmann::ordered_json json{{"loss", evaluation.loss}};
  for (const NamedValue& item : evaluation.values) json[item.name] = item.value;
  json["predicted"] = evaluation.predicted;
  json["tokens"] = evaluation.tokens;
  if (evaluation.selects != "loss") {
    json["selects"] = evaluation.selects;
    json["higher_is_better"] = evaluation.higher_is_better;
  }
  return json;
}

Evaluation parse_evaluation(const nlohmann::ordered_json& json) {
  Evaluation evaluation{.loss = read_number(json.at("loss"))};
  evaluation.predicted = json.at("predicted").get<std::int64_t>();
  evaluation.tokens = json.at("tokens").get<std::int64_t>();
  if (json.contains("selects")) {
    json.at("selects").get_to(evaluation.selects);
    json.at("higher_is_better").get_to(evaluation.higher_is_better);
  }
  for (const auto& [name, value] : json.items()) {
    const bool is_own = name == "loss" || name == "predicted" || name == "tokens" || name == "selects" ||
                        name == "higher_is_better";
    if (!is_own) evaluation.values.push_back({name, read_number(value)});
  }
  return evaluation;
}

double read_number(const nlohmann::ordered_json& json) {
  return json.is_null() ? std::numeric_limits<double>::quiet_NaN() : json.get<double>();
}

}  // namespace mabert::train
