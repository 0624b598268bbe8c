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

/// Before any work: can a file be written there? Errors: UsageError naming the option that asked for it.
void check_report_path(const std::filesystem::path& path, const std::string& option = "--json");

/// JSON as text; indent -1: on one line. Bytes that are not UTF-8 are replaced.
std::string dump(const Json& json, int indent);

/// Errors: DataError, DiskFullError.
void write_report(const std::filesystem::path& path, const Json& report);

/// Commit that the program was built from, with "-dirty" where files differed.
std::string build_commit();

/// One line about the device and its limits.
std::string describe(const BenchDevice& device, const Limits& limits);

}  // namespace mabert::bench
