#include "benchmarks/harness/report.h"

#include "benchmarks/harness/commit.h"
#include "benchmarks/harness/table.h"

#include <cstdlib>
#include <unistd.h>

#include <ATen/Context.h>
#include <ATen/Parallel.h>
#include <ATen/Version.h>
#include <torch/version.h>

#include "mabert/core/error.h"
#include "mabert/core/files.h"

namespace mabert::bench {

Json report_header(const BenchDevice& device, const Limits& limits, const std::string& command) {
  const DeviceFacts facts = device.facts();
  Json header;
  header["device"] = facts.name;
  if (!facts.driver.empty()) header["driver"] = facts.driver;
  header["commit"] = build_commit();
  header["versions"] = {{"mabert", MABERT_VERSION}, {"libtorch", TORCH_VERSION}};
  if (*MABERT_CUDA_VERSION != 0) header["versions"]["nvcc"] = MABERT_CUDA_VERSION;
  if (facts.multiprocessors == 0) {
    header["threads"] = at::get_num_threads();
    header["simd"] = at::get_cpu_capability();
  }
  header["command"] = command;
  header["deterministic"] = at::globalContext().deterministicAlgorithms();
  Json& measured = header["limits"];
  measured["copy_gb_per_second"] = limits.copy_bytes_per_second / 1e9;
  if (limits.matmul_flops) measured["matmul_tflop_per_second"] = *limits.matmul_flops / 1e12;
  if (facts.multiprocessors > 0) measured["multiprocessors"] = facts.multiprocessors;
  if (limits.clock_hz) measured["clock_ghz"] = *limits.clock_hz / 1e9;
  if (limits.exps_per_second) measured["exponentials_per_second"] = *limits.exps_per_second;
  if (limits.instructions_per_second)
    measured["thread_instructions_per_second"] = *limits.instructions_per_second;
  return header;
}

Json to_json(const Summary& summary) {
  return {
      {"median", summary.median}, {"p10", summary.low}, {"p90", summary.high}, {"samples", summary.samples}};
}

void check_report_path(const std::filesystem::path& path, const std::string& option) {
  const auto refuse = [&](const std::string& why) {
    throw UsageError(option + ": cannot write '" + path.string() + "': " + why);
  };
  if (path.empty()) refuse("expected the name of a file");
  if (std::filesystem::is_directory(path)) refuse("it is a folder");
  if (std::filesystem::exists(path) && !std::filesystem::is_regular_file(path)) {
    refuse("it is there and no regular file");
  }
  const std::filesystem::path folder = path.has_parent_path() ? path.parent_path() : ".";
  if (!std::filesystem::is_directory(folder)) refuse("make the folder '" + folder.string() + "' first");
  if (::access(folder.c_str(), W_OK) != 0) refuse("no permission in the folder '" + folder.string() + "'");
}

std::string dump(const Json& json, int indent) {
  return json.dump(indent, ' ', false, Json::error_handler_t::replace);
}

void write_report(const std::filesystem::path& path, const Json& report) {
  write_file_atomically(path, dump(report, 1) + "\n");
}

std::string build_commit() { return MABERT_COMMIT; }

std::string describe(const BenchDevice& device, const Limits& limits) {
  std::string line =
      device.facts().name + ": copy " + significant(limits.copy_bytes_per_second / 1e9, 4) + " GB/s";
  if (limits.matmul_flops)
    line += ", matrix products " + significant(*limits.matmul_flops / 1e12, 3) + " TFLOP/s";
  if (limits.exps_per_second)
    line += ", exponentials " + significant(*limits.exps_per_second / 1e12, 3) + "e12/s";
  if (limits.clock_hz) line += " at " + significant(*limits.clock_hz / 1e9, 4) + " GHz";
  return line;
}

}  // namespace mabert::bench
