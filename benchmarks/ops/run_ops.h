#pragma once

#include "benchmarks/harness/measure.h"
#include "benchmarks/harness/outputs.h"
#include "benchmarks/ops/workload.h"

#include <filesystem>
#include <optional>
#include <ostream>
#include <string>

namespace mabert::bench {

struct OpsArguments {
  std::string ops = "all", shapes, device = "auto", dtype, layouts = "all", saved_states = "every_8";
  std::string padded = "0.5";
  OutputPaths outputs;
  std::int64_t samples = 21, threads = 0;
  std::uint64_t seed = 0;  ///< 0: a fresh one
  bool wide_states = false, quick_check = false, deterministic = true;
};

/// Defaults filled in and everything checked. Errors: UsageError, DeviceError.
OpsRequest resolve(const OpsArguments& arguments, c10::Device device,
                   const std::vector<OperatorBench>& operators = all_operators());

/// Checks and times; the table goes to `out`, progress to `log`. Returns 1 when a check failed (its operator
/// is not timed), else 0.
int run_ops(const OpsArguments& arguments, const std::string& command, std::ostream& out, std::ostream& log,
            const std::vector<OperatorBench>& operators = all_operators());

}  // namespace mabert::bench
