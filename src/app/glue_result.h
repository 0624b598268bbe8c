#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "mabert/app/finetune_options.h"
#include "mabert/data/task_spec.h"

namespace mabert::app {

/// One seed's numbers on one dev set.
struct GlueSetResult {
  std::int64_t examples = 0;
  std::map<std::string, std::optional<double>> values;  ///< by metric; absent: undefined
  std::vector<std::vector<std::int64_t>> confusion;     ///< [label][predicted]; empty for a regression
};

struct GlueSeedResult {
  std::uint64_t seed = 0;
  std::int64_t steps = 0, tokens = 0;
  double seconds = 0;
  std::map<std::string, GlueSetResult> sets;
  std::vector<std::filesystem::path> submissions;  ///< relative to the task's folder
};

struct GluePretraining {
  std::int64_t steps = 0, tokens = 0;
};

/// What `mabert finetune` wrote into the run directory of a GLUE task.
struct GlueTaskResult {
  const data::TaskSpec* task = nullptr;
  std::filesystem::path folder;
  std::vector<std::string> labels;
  std::string init_from, model, precision, device;
  bool random_weights = false;
  Selection selection = Selection::last;
  std::optional<double> slice_fraction;
  double learning_rate = 0;
  std::vector<double> grid;  ///< learning rates that were tried; empty: none were
  std::optional<double> epochs;
  std::int64_t steps = 0, train_examples = 0;
  std::optional<std::int64_t> max_train_rows;
  std::optional<GluePretraining> pretraining;
  std::vector<GlueSeedResult> seeds;
  /// Means that the file itself states, [set][metric].
  std::map<std::string, std::map<std::string, std::optional<double>>> stated_means;
};

/// Reads FOLDER/result.json. Errors: DataError (damaged, too large, or of something else).
GlueTaskResult read_glue_result(const std::filesystem::path& folder, const data::TaskSpec& task);

}  // namespace mabert::app
