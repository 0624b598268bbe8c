#pragma once

#include "benchmarks/harness/outputs.h"
#include "benchmarks/sweep/model_sweep.h"

#include <filesystem>
#include <optional>
#include <ostream>
#include <string>
#include <vector>

namespace mabert::bench {

struct SweepArguments {
  std::filesystem::path config;
  std::vector<std::string> overrides;
  OutputPaths outputs;
  std::vector<std::filesystem::path> merge;  ///< records of other programs
  /// Tables and files from the records of an earlier run of this sweep: nothing is measured.
  std::optional<std::filesystem::path> from;
};

/// Checks and times what the file describes; tables go to `out`, progress to `log`. What was asked for is
/// checked before anything is timed, files are written after each model. Returns 1 when a check failed (that
/// model or operator is not timed), else 0. Errors: UsageError, DataError (merged files), DeviceError,
/// DiskFullError.
int run_sweep(const SweepArguments& arguments, const std::string& command, std::ostream& out,
              std::ostream& log, const ModelBuilder& build = build_model);

}  // namespace mabert::bench
