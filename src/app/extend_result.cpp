#include "extend_result.h"

#include "run_directory.h"

#include <nlohmann/json.hpp>

#include "mabert/app/extend_stages.h"
#include "mabert/core/files.h"

namespace mabert::app {
namespace {

using Json = nlohmann::ordered_json;

Json parse(const std::string& text, const std::filesystem::path& path) {
  Json json = Json::parse(text, nullptr, /*allow_exceptions=*/false);
  if (!json.is_object()) throw DataError(path.string() + ": damaged; remove it and run the command again");
  return json;
}

/// What one finished stage contributes.
Json stage_entry(const ExtendStage& stage, const Json& result) {
  const Json validation = result.value("validation", Json());
  return {{"length", stage.length},
          {"steps", result.value("step", Json())},
          {"tokens", result.value("tokens", Json())},
          {"seconds", result.value("seconds", Json())},
          {"train_loss", result.value("train_loss", Json())},
          {"valid_loss", validation.is_object() ? validation.value("loss", Json()) : Json()},
          {"best_step", result.value("best_step", Json())}};
}

}  // namespace

std::string extension_result(const RunConfig& config, const ExtensionSource& source,
                             const std::vector<std::string>& stages,
                             const std::optional<std::filesystem::path>& report) {
  Json json{
      {"outcome", "finished"},
      {"init_from", config.model.init_from->string()},
      {"source", {{"checkpoint", source.checkpoint.string()}, {"model", source.checksum}}},
      {"start_length", config.model.positions.max_length},
      {"positions", config::enum_name(config.extend.positions)},
      {"carry",
       {{"optimizer", config.extend.carry.optimizer}, {"data_position", config.extend.carry.data_position}}},
      {"tokens", 0},
      {"seconds", 0.0},
      {"stages", Json::array()}};
  for (std::size_t i = 0; i < stages.size(); ++i) {
    const ExtendStage& stage = config.extend.stages[i];
    const Json result = parse(stages[i], stage_directory(*config.run_dir, stage.length) / "result.json");
    const Json entry = stage_entry(stage, result);
    if (entry["tokens"].is_number())
      json["tokens"] = json["tokens"].get<std::int64_t>() + entry["tokens"].get<std::int64_t>();
    if (entry["seconds"].is_number())
      json["seconds"] = json["seconds"].get<double>() + entry["seconds"].get<double>();
    json["stages"].push_back(entry);
  }
  json["report"] = report ? Json(report->string()) : Json();
  return json.dump(2) + "\n";
}

std::string finished_extension(const std::filesystem::path& directory, const std::string& config_yaml) {
  const std::filesystem::path result = directory / "result.json", config = directory / "config.yaml";
  if (!is_there(result) || !is_there(config)) return "";
  if (read_text_file(config, kMaxConfigBytes) != config_yaml) return "";
  return read_text_file(result, kMaxResultBytes);
}

}  // namespace mabert::app
