#pragma once

#include "task_data.h"

#include <cstdint>
#include <filesystem>
#include <memory>
#include <string>

#include <c10/core/Device.h>
#include <nlohmann/json_fwd.hpp>

#include "mabert/app/run_config.h"
#include "mabert/train/trainer.h"

namespace mabert::app {

/// What all runs of a fine-tuning share.
struct FinetuneContext {
  const RunConfig& config;
  const data::TaskSpec& task;
  const TaskData& data;
  const data::Tokenizer& tokenizer;
  std::filesystem::path checkpoint;  ///< that the runs start from
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

/// Trains (or goes on, or does nothing when it is done), evaluates the selected weights on every dev set,
/// predicts the test sets, and writes result.json. Errors: as train::train.
FinetuneOutcome run_finetune_seed(const FinetuneContext& context, const FinetuneRun& run);

}  // namespace mabert::app
