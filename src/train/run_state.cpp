#include "mabert/train/run_state.h"

#include "evaluation_json.h"

#include <string_view>

#include <nlohmann/json.hpp>

#include "mabert/core/error.h"

namespace mabert::train {
namespace {

constexpr std::string_view kBest = "best_";

/// "best_loss", "best_score", ...: what selected names the key.
std::optional<NamedValue> find_best(const nlohmann::ordered_json& json) {
  for (const auto& [key, value] : json.items()) {
    if (key.starts_with(kBest) && key != "best_step") {
      return NamedValue{key.substr(kBest.size()), value.get<double>()};
    }
  }
  return std::nullopt;
}

}  // namespace

std::string to_json(const RunState& state) {
  nlohmann::ordered_json json;
  json["step"] = state.step;
  json["epoch"] = state.position.epoch;
  json["step_in_epoch"] = state.position.step;
  json["passes"] = state.passes;
  json["tokens"] = state.tokens;
  json["seconds"] = state.seconds;
  if (state.best) json[std::string(kBest) + state.best->name] = state.best->value;
  if (state.best_step) json["best_step"] = *state.best_step;
  json["stale"] = state.stale;
  if (state.train_loss) json["train_loss"] = *state.train_loss;
  if (state.validation) {
    json["validation"] = describe(*state.validation);
    json["validation"]["step"] = state.validation_step.value_or(state.step);
  }
  json["seed"] = state.seed;
  if (state.data_fingerprint) json["data"] = *state.data_fingerprint;
  json["window"] = {{"steps", state.window.steps},
                    {"predicted", state.window.predicted},
                    {"tokens", state.window.tokens},
                    {"seconds", state.window.seconds}};
  return json.dump(2) + "\n";
}

RunState parse_run_state(const std::string& text, const std::string& where) {
  try {
    const auto json = nlohmann::ordered_json::parse(text);
    RunState state;
    json.at("step").get_to(state.step);
    json.at("epoch").get_to(state.position.epoch);
    json.at("step_in_epoch").get_to(state.position.step);
    json.at("passes").get_to(state.passes);
    json.at("tokens").get_to(state.tokens);
    json.at("seconds").get_to(state.seconds);
    state.best = find_best(json);
    if (json.contains("best_step")) state.best_step = json["best_step"].get<std::int64_t>();
    if (json.contains("stale")) json["stale"].get_to(state.stale);
    if (json.contains("train_loss")) state.train_loss = read_number(json["train_loss"]);
    if (json.contains("validation")) {
      nlohmann::ordered_json validation = json["validation"];
      state.validation_step = validation.at("step").get<std::int64_t>();
      validation.erase("step");
      state.validation = parse_evaluation(validation);
    }
    json.at("seed").get_to(state.seed);
    if (json.contains("data")) state.data_fingerprint = json["data"].get<std::string>();
    const auto& window = json.at("window");
    window.at("steps").get_to(state.window.steps);
    window.at("predicted").get_to(state.window.predicted);
    window.at("tokens").get_to(state.window.tokens);
    window.at("seconds").get_to(state.window.seconds);
    if (state.step < 0 || state.position.epoch < 0 || state.position.step < 0) {
      throw CheckpointError(where + ": damaged state (negative step)");
    }
    return state;
  } catch (const nlohmann::json::exception&) {
    throw CheckpointError(where +
                          ": damaged state (not the JSON expected); use another checkpoint of the run");
  }
}

}  // namespace mabert::train
