#include "mabert/train/checkpoint_store.h"

#include <algorithm>
#include <charconv>
#include <string_view>
#include <system_error>

#include "mabert/core/error.h"
#include "mabert/core/files.h"

namespace mabert::train {
namespace {

namespace fs = std::filesystem;

constexpr std::string_view kPrefix = "step-";
constexpr std::string_view kReplaced = ".old.part";  // what save_checkpoint calls the one it replaces
constexpr std::size_t kDigits = 8;

std::string name_of(std::int64_t step) {
  std::string digits = std::to_string(step);
  if (digits.size() < kDigits) digits.insert(0, kDigits - digits.size(), '0');
  return std::string(kPrefix) + digits;
}

std::optional<std::int64_t> step_of(std::string_view name) {
  if (!name.starts_with(kPrefix)) return std::nullopt;
  const std::string_view digits = name.substr(kPrefix.size());
  std::int64_t step = 0;
  const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), step);
  if (digits.size() < kDigits || error != std::errc() || end != digits.data() + digits.size() || step < 0) {
    return std::nullopt;
  }
  return step;
}

/// The entries of a folder; none where there is no such folder.
std::vector<fs::path> entries_of(const fs::path& folder) {
  std::vector<fs::path> found;
  std::error_code error;
  for (fs::directory_iterator at(folder, error), end; !error && at != end; at.increment(error)) {
    found.push_back(at->path());
  }
  if (error && error != std::errc::no_such_file_or_directory) {
    throw DataError(folder.string() + ": cannot list the checkpoints: " + error.message() +
                    "; check the path and its permissions");
  }
  return found;
}

}  // namespace

CheckpointStore::CheckpointStore(fs::path directory, std::int64_t keep_last)
    : directory_(std::move(directory)), keep_last_(std::max<std::int64_t>(keep_last, 1)) {}

fs::path CheckpointStore::path_of(std::int64_t step) const { return directory_ / name_of(step); }

std::vector<std::int64_t> CheckpointStore::steps() const {
  std::vector<std::int64_t> found;
  std::error_code ignored;
  for (const fs::path& path : entries_of(directory_)) {
    const auto step = step_of(path.filename().string());
    if (step && fs::is_directory(path, ignored)) found.push_back(*step);
  }
  std::sort(found.begin(), found.end());
  return found;
}

std::optional<std::int64_t> CheckpointStore::pointer(const std::string& name) const {
  std::error_code ignored;
  if (!fs::exists(directory_ / name, ignored)) return std::nullopt;
  try {
    std::string text = read_text_file(directory_ / name, 256);
    while (!text.empty() && text.back() == '\n') text.pop_back();
    return step_of(text);
  } catch (const DataError&) {
    return std::nullopt;
  }
}

void CheckpointStore::save(std::int64_t step, const CheckpointContent& content, bool is_best) {
  std::error_code error;
  fs::create_directories(directory_, error);
  save_checkpoint(path_of(step), content);
  write_file_atomically(directory_ / "last", name_of(step) + "\n");
  if (is_best) write_file_atomically(directory_ / "best", name_of(step) + "\n");
  sync_directory(directory_);
  rotate();
}

void CheckpointStore::rotate() const {
  const auto best = pointer("best"), last = pointer("last");
  std::vector<std::int64_t> present = steps();
  // Only what is not newer than the last save counts: a newer directory is a damaged one that a resume passed
  // over.
  std::erase_if(present, [&](std::int64_t step) { return last && step > *last; });
  const auto keep = static_cast<std::size_t>(keep_last_);
  for (std::size_t i = 0; i + keep < present.size(); ++i) {
    if (present[i] == best) continue;
    // Renamed first, so that a deletion cut short never looks like a checkpoint.
    fs::path doomed = path_of(present[i]);
    doomed += ".part";
    std::error_code ignored;
    fs::rename(path_of(present[i]), doomed, ignored);
    fs::remove_all(doomed, ignored);
  }
}

std::optional<CheckpointStore::Found> CheckpointStore::newest_good(std::vector<std::string>& problems) const {
  for (const fs::path& path : entries_of(directory_)) {
    const std::string name = path.filename().string();
    if (!name.ends_with(kReplaced)) continue;
    // Killed while it was replaced: nothing has its name yet.
    const fs::path place = directory_ / name.substr(0, name.size() - kReplaced.size());
    std::error_code ignored;
    if (!fs::exists(place, ignored)) fs::rename(path, place, ignored);
  }
  std::vector<std::int64_t> candidates = steps();
  std::reverse(candidates.begin(), candidates.end());
  for (const std::int64_t step : candidates) {
    try {
      return Found{step, Checkpoint(path_of(step))};
    } catch (const CheckpointError& error) {
      problems.emplace_back(error.what());
    }
  }
  return std::nullopt;
}

void CheckpointStore::point_at(std::int64_t step, std::optional<std::int64_t> best_step) {
  std::error_code ignored;
  for (const fs::path& path : entries_of(directory_)) {
    const std::string name = path.filename().string();
    // Left behind by a process that was killed while it wrote or deleted.
    if (name.ends_with(".part") || name.find(".part-") != std::string::npos) fs::remove_all(path, ignored);
  }
  write_file_atomically(directory_ / "last", name_of(step) + "\n");
  if (best_step && fs::is_directory(path_of(*best_step), ignored)) {
    write_file_atomically(directory_ / "best", name_of(*best_step) + "\n");
  } else {
    fs::remove(directory_ / "best", ignored);
  }
  sync_directory(directory_);
}

fs::path resolve_checkpoint(const fs::path& run) {
  std::error_code ignored;
  if (!fs::exists(run, ignored)) {
    throw CheckpointError(run.string() + ": no such run directory or checkpoint");
  }
  if (run.filename() == "best" || run.filename() == "last") {
    const CheckpointStore siblings(run.parent_path(), 1);
    if (const auto step = siblings.pointer(run.filename().string())) return siblings.path_of(*step);
  }
  if (!fs::is_directory(run, ignored)) {
    throw CheckpointError(run.string() + ": expected a run directory or a checkpoint directory, got a file");
  }
  if (fs::exists(run / "manifest.json", ignored)) return run;
  if (fs::exists(run / "model.safetensors", ignored) || step_of(run.filename().string())) {
    throw CheckpointError(run.string() +
                          ": incomplete checkpoint (no manifest.json); use another one of the run");
  }
  const CheckpointStore store(run / "checkpoints", 1);
  for (const char* name : {"best", "last"}) {
    const auto step = store.pointer(name);
    if (step && fs::is_directory(store.path_of(*step), ignored)) return store.path_of(*step);
  }
  const std::vector<std::int64_t> steps = store.steps();
  if (steps.empty()) {
    throw CheckpointError(run.string() +
                          ": no checkpoint in its 'checkpoints' folder; train first, or name another run");
  }
  return store.path_of(steps.back());
}

}  // namespace mabert::train
