#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "mabert/train/checkpoint.h"

namespace mabert::train {

/// The `checkpoints` directory of a run: `step-00001000/` …, and `last` and `best`, one-line files with a
/// name.
class CheckpointStore {
 public:
  /// keep_last: how many of the newest are kept, besides the best.
  CheckpointStore(std::filesystem::path directory, std::int64_t keep_last);

  /// Saves `step-STEP`, points `last` (and, if asked for, `best`) at it, and removes what rotation does not
  /// keep. Errors: as save_checkpoint.
  void save(std::int64_t step, const CheckpointContent& content, bool is_best);

  /// The newest checkpoint that passes its checks; every one that did not is named in `problems`. One that a
  /// killed process was replacing gets its name back first. Errors: DataError when the folder cannot be
  /// listed.
  struct Found {
    std::int64_t step;
    Checkpoint checkpoint;
  };
  std::optional<Found> newest_good(std::vector<std::string>& problems) const;

  /// After a resume: points `last` at `step` and `best` at `best_step` (absent or no longer there: no
  /// `best`).
  void point_at(std::int64_t step, std::optional<std::int64_t> best_step);

  /// Steps that have a directory, in rising order, whether or not they pass their checks.
  std::vector<std::int64_t> steps() const;
  std::filesystem::path path_of(std::int64_t step) const;
  /// Step that `best` or `last` names.
  std::optional<std::int64_t> pointer(const std::string& name) const;

 private:
  void rotate() const;
  std::filesystem::path directory_;
  std::int64_t keep_last_;
};

/// The checkpoint directory that RUN means: RUN itself if it is a checkpoint or names one (checkpoints/last),
/// else the best, else the last, else the newest of the run directory. Errors: CheckpointError saying what
/// RUN is instead.
std::filesystem::path resolve_checkpoint(const std::filesystem::path& run);

}  // namespace mabert::train
