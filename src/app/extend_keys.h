#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "mabert/app/run_config.h"
#include "mabert/config/document.h"

namespace mabert::app {

/// A length or a number of steps that was given to an extension beside its stages.
struct StageKey {
  std::string key;  ///< "train.steps"
  config::Position position;
  std::int64_t value = 0;
};

/// Takes what the stages say out of a configuration for `extend`: train.steps, train.epochs,
/// samples.max_length and model.positions.max_length. Returns those that `file` itself or the command line
/// gives; those of files that it extends (a pretraining configuration, say) have no effect. Errors:
/// UsageError for a value that could not stand there, wherever it is given.
std::vector<StageKey> take_stage_keys(config::Document& given, const std::string& file);

/// Errors: UsageError for one that is not what the extension's own config.yaml says.
void require_stage_values(const std::vector<StageKey>& keys, const RunConfig& config);

}  // namespace mabert::app
