#pragma once

#include "task_data.h"

#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>

#include <c10/core/Device.h>
#include <nlohmann/json.hpp>

#include "mabert/app/run_config.h"
#include "mabert/train/trainer.h"

namespace mabert::app {

using Json = nlohmann::ordered_json;

/// The checkpoint that runs start from.
struct FinetuneStart {
  std::filesystem::path checkpoint;
  std::string checksum;          ///< of its weights
  std::string model;             ///< name of the pretrained run at the beginning
  bool has_same_labels = false;  ///< fine-tuned before for the same task
  Json pretraining = nullptr;    ///< steps and tokens, of a pretrained checkpoint
};

/// What all runs of a fine-tuning share.
struct FinetuneContext {
  const RunConfig& config;
  const data::TaskSpec& task;
  const TaskData& data;
  const data::Tokenizer& tokenizer;
  FinetuneStart start;
  c10::Device device;
};

/// One training run in its own directory.
struct FinetuneRun {
  std::filesystem::path directory;
  std::uint64_t seed = 1;
  double learning_rate = 0;
  bool explores =
      false;  ///< to compare learning rates: always validated on the slice (or on dev), no predictions
};

/// What a run left in its result.json, and the exit code: not 0 for an interrupted run, whose result is
/// empty.
struct FinetuneOutcome {
  std::string result;
  int code = 0;
};

/// The result of a run that has nothing left to do but perhaps test sets; nothing when it is not done or was
/// made by another configuration, from other weights or from other data.
std::optional<Json> finished_run(const FinetuneContext& context, const FinetuneRun& run);

/// The text of a result.json of this program. Errors: DataError naming `path`.
Json parse_result(const std::string& text, const std::filesystem::path& path);

/// The result of a run that has nothing left to do but perhaps test sets; nothing when it is not done or was
/// made by another configuration, from other weights or from other data.
std::optional<Json> finished_run(const FinetuneContext& context, const FinetuneRun& run);

/// Trains (or goes on, or only predicts test sets that came later), evaluates the selected weights on every
/// dev set, predicts the test sets, and writes result.json. Errors: as train::train; UsageError when the
/// directory holds a run of another configuration, other weights or other data.
FinetuneOutcome run_finetune_seed(const FinetuneContext& context, const FinetuneRun& run);

}  // namespace mabert::app
