#pragma once

#include <cstdint>
#include <filesystem>
#include <vector>

#include "mabert/app/run_config.h"

namespace mabert::app {

/// Errors: UsageError for an extension that could not be run to its end: no stages, the first one shorter
/// than model.positions.max_length (the length to start from), a batch not given in tokens or smaller than a
/// longest sample, a rotary base for another kind of positions, train.max_minutes, a report on contexts
/// shorter than its window.
void require_extension(const RunConfig& config);

/// The configuration of each stage of an extension: a pretraining run in run_dir/length-N with N positions
/// and samples of up to N tokens, `steps` steps, and the stage's learning rate and rotary base where it has
/// them. Section `extend` is cut to the stages up to its own, since those decide what it starts from. Where
/// the optimizer is carried over every stage keeps its state, whatever train.keep_optimizer says: the last
/// one for stages that are added later. `config`: of load_extend_config.
std::vector<RunConfig> stage_configs(const RunConfig& config);

/// run_dir/length-N.
std::filesystem::path stage_directory(const std::filesystem::path& run_dir, std::int64_t length);

/// The contexts of the report at the end.
std::vector<std::int64_t> report_lengths(const RunConfig& config);

/// Tokens of its target windows.
std::int64_t report_window(const RunConfig& config);

}  // namespace mabert::app
