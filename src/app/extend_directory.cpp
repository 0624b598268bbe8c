#include "extend_directory.h"

#include "run_directory.h"

#include <algorithm>
#include <optional>
#include <system_error>

#include <nlohmann/json.hpp>

#include "mabert/core/files.h"
#include "mabert/train/checkpoint_store.h"

namespace mabert::app {
namespace {

namespace fs = std::filesystem;
using Json = nlohmann::ordered_json;

Json parse(const std::string& text, const fs::path& path) {
  Json json = Json::parse(text, nullptr, /*allow_exceptions=*/false);
  if (!json.is_object()) throw DataError(path.string() + ": damaged; remove it and run the command again");
  return json;
}

[[noreturn]] void refuse(const fs::path& directory, const std::string& why) {
  throw UsageError("run_dir: " + directory.string() + ": " + why);
}

/// With "..", links and a slash at the end resolved.
fs::path resolved(const fs::path& path) {
  std::error_code ignored;
  fs::path whole = fs::weakly_canonical(fs::absolute(path), ignored);
  return whole.has_filename() ? whole : whole.parent_path();
}

bool is_within(const fs::path& path, const fs::path& folder) {
  const fs::path inner = resolved(path), outer = resolved(folder);
  return std::mismatch(outer.begin(), outer.end(), inner.begin(), inner.end()).first == outer.end();
}

/// The step that result.json or `last` says was reached; absent where there is neither.
std::optional<std::int64_t> step_reached(const fs::path& stage, const train::CheckpointStore& store) {
  std::optional<std::int64_t> step = store.pointer("last");
  const fs::path path = stage / "result.json";
  if (!is_there(path)) return step;
  const Json reached = parse(read_text_file(path, kMaxResultBytes), path).value("step", Json());
  return std::max(step.value_or(0), reached.is_number_integer() ? reached.get<std::int64_t>() : 0);
}

bool has_trained(const fs::path& stage) {
  const train::CheckpointStore store(stage / "checkpoints", 1);
  std::vector<std::int64_t> steps = store.steps();
  if (steps.empty()) {
    std::vector<std::string> problems;
    store.newest_good(problems);  // gives one that was being replaced its name back
    steps = store.steps();
  }
  if (!steps.empty() && steps.back() > 0) return true;
  const auto reached = step_reached(stage, store);
  if (!reached || (*reached == 0 && !steps.empty())) return false;
  throw CheckpointError(stage.string() + ": was trained up to step " + std::to_string(*reached) +
                        ", but has no checkpoint of it; bring its 'checkpoints' back, or remove this and the "
                        "longer stages to train them again");
}

/// Only looks: another process may be at work in it.
bool is_trained_stage(const fs::path& path) {
  if (!path.filename().string().starts_with("length-")) return false;
  const auto steps = train::CheckpointStore(path / "checkpoints", 1).steps();
  return is_there(path / "result.json") || (!steps.empty() && steps.back() > 0);
}

}  // namespace

ExtensionSource describe_source(const train::Checkpoint& checkpoint, const RunData& data) {
  const Json manifest = parse(checkpoint.manifest_json(), checkpoint.directory() / "manifest.json");
  return {checkpoint.directory(), manifest.at("files").at("model.safetensors").at("xxh3").get<std::string>(),
          data.train->fingerprint(), data.valid ? data.valid->fingerprint() : ""};
}

void write_source(const fs::path& directory, const ExtensionSource& source) {
  const Json json{{"checkpoint", source.checkpoint.string()},
                  {"model", source.checksum},
                  {"train", source.train},
                  {"valid", source.valid}};
  write_file_atomically(directory / "source.json", json.dump(2) + "\n");
}

void require_same_source(const fs::path& directory, const ExtensionSource& source) {
  const fs::path path = directory / "source.json";
  if (!is_there(path)) return;
  const Json json = parse(read_text_file(path, kMaxResultBytes), path);
  const auto is_same = [&](const char* key, const std::string& now) {
    return json.value(key, Json()) == now;
  };
  const std::string what_now = "; choose another run_dir, or remove this one";
  if (!is_same("model", source.checksum)) {
    throw UsageError(directory.string() + ": began with the weights of " +
                     json.value("checkpoint", std::string("another checkpoint")) + ", and those of " +
                     source.checkpoint.string() + " are others" + what_now);
  }
  for (const auto& [key, now] : {std::pair("train", source.train), std::pair("valid", source.valid)}) {
    if (!is_same(key, now))
      throw UsageError(directory.string() + ": began with other data than the '" + key +
                       "' shards of data.shards are now; give the data that it began with" +
                       what_now.substr(1));
  }
}

void require_own_directory(const fs::path& directory, const fs::path& source,
                           const std::vector<RunConfig>& stages) {
  const fs::path whole = resolved(directory);
  const bool is_extension = is_there(directory / "source.json");
  if (whole.filename().string().starts_with("length-") && is_there(whole.parent_path() / "source.json"))
    refuse(directory,
           "is a stage of the extension in " + whole.parent_path().string() + "; choose another one");
  if (is_there(directory / "checkpoints")) refuse(directory, "holds another run; choose another one");
  if (is_within(source, directory))
    refuse(directory, "holds " + source.string() + ", the checkpoint to start from; choose another one");
  if (const fs::path config = directory / "config.yaml"; !is_extension && is_there(config)) {
    const RunConfig other = parse_run_config(read_text_file(config, kMaxConfigBytes), config.string(), {});
    if (other.extend.stages.empty()) refuse(directory, "holds another run; choose another one");
  }
  std::error_code ignored;
  for (fs::directory_iterator at(directory, ignored), end; !ignored && at != end; at.increment(ignored)) {
    const fs::path& path = at->path();
    if (!is_trained_stage(path)) continue;
    if (!is_extension)
      refuse(directory, "holds " + path.filename().string() + ", but no source.json; choose another one");
    const bool is_ours = std::any_of(stages.begin(), stages.end(), [&](const RunConfig& stage) {
      return stage.run_dir->filename() == path.filename();
    });
    if (!is_ours) {
      refuse(directory, "holds " + path.filename().string() +
                            ", which is not one of extend.stages; stages are only added at the end: choose "
                            "another one, or give all its stages");
    }
  }
}

std::vector<bool> trained_stages(const std::vector<RunConfig>& stages) {
  std::vector<bool> trained;
  for (const RunConfig& stage : stages) trained.push_back(has_trained(*stage.run_dir));
  for (std::size_t i = 1; i < stages.size(); ++i) {
    if (trained[i - 1] || !trained[i]) continue;
    throw CheckpointError(stages[i - 1].run_dir->string() + ": no checkpoint here, but " +
                          stages[i].run_dir->string() +
                          " was begun from it; bring it back, or remove the longer stages, too");
  }
  return trained;
}

void discard_start(const RunConfig& stage) {
  std::error_code ignored;
  std::filesystem::remove_all(*stage.run_dir / "checkpoints", ignored);
  std::filesystem::remove(*stage.run_dir / "result.json", ignored);
}

}  // namespace mabert::app
