#pragma once

#include "benchmarks/harness/device.h"
#include "benchmarks/harness/statistics.h"

#include <filesystem>
#include <string>

#include <nlohmann/json.hpp>

namespace mabert::bench {

using Json = nlohmann::ordered_json;

/// What every result file begins with: device, driver, commit, versions, command, limits, settings.
Json report_header(const BenchDevice& device, const Limits& limits, const std::string& command);

/// {"median", "p10", "p90", "samples"} in the unit of the summary.
Json to_json(const Summary& summary);

/// Errors: DataError, DiskFullError.
/// Before any work: can a report be written there? Errors: UsageError.
void check_report_path(const std::filesystem::path& path);

void write_report(const std::filesystem::path& path, const Json& report);

/// Commit that the program was built from, with "-dirty" where files differed.
std::string build_commit();

/// One line about the device and its limits.
std::string describe(const BenchDevice& device, const Limits& limits);

}  // namespace mabert::bench
