#pragma once

#include <cstdint>
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
/// them. Section `extend` is cut to the stages up to its own, since those decide what it starts from. A stage
/// keeps its optimizer's state for the next one that carries it over, whatever train.keep_optimizer says.
/// `config`: of load_extend_config.
std::vector<RunConfig> stage_configs(const RunConfig& config);

/// The contexts of the report at the end.
std::vector<std::int64_t> report_lengths(const RunConfig& config);

}  // namespace mabert::app
