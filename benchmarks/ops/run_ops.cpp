#include "benchmarks/ops/run_ops.h"

#include "benchmarks/harness/report.h"
#include "benchmarks/ops/operator_run.h"

#include <algorithm>
#include <exception>
#include <map>

#include <ATen/Context.h>
#include <ATen/Parallel.h>

#include "mabert/core/device.h"
#include "mabert/core/error.h"

namespace mabert::bench {
namespace {

void seed_inputs(const OpsRequest& request) {
  at::Generator host = at::globalContext().defaultGenerator(c10::Device(c10::kCPU));
  host.set_current_seed(request.seed);
  if (!request.device.is_cuda()) return;
  at::Generator device = at::globalContext().defaultGenerator(request.device);
  device.set_current_seed(request.seed);
}

// The header with the limits in the first dtype; what matrix products reach in the others stands beside.
Json header(const BenchDevice& device, const std::vector<std::pair<std::string, Limits>>& limits,
            const std::string& command) {
  Json header = report_header(device, limits.front().second, command);
  for (std::size_t i = 1; i < limits.size(); ++i) {
    if (limits[i].second.matmul_flops) {
      header["limits"]["matmul_tflop_per_second_" + limits[i].first] = *limits[i].second.matmul_flops / 1e12;
    }
  }
  return header;
}

}  // namespace

int run_ops(const OpsArguments& arguments, const std::string& command, std::ostream& out, std::ostream& log,
            const std::vector<OperatorBench>& operators) {
  set_deterministic(arguments.deterministic);
  if (arguments.threads > 0) at::set_num_threads(static_cast<int>(arguments.threads));
  const c10::Device place = parse_device(arguments.device);
  OpsRequest request = resolve(arguments, place, operators);
  check_output_paths(arguments.outputs);
  const auto device = open_device(place);
  const DeviceFacts facts = device->facts();
  check_sizes(request, facts.memory_bytes, facts.name);
  seed_inputs(request);
  OperatorRun run(operator_measure_options(place, arguments.samples), *device, log);
  std::vector<std::pair<std::string, Limits>> limits;
  std::vector<std::filesystem::path> plots;
  std::exception_ptr failed_write;  // of the last try: what was measured is printed first
  // After each operator, so that a run cut short leaves what it measured.
  const auto write = [&] {
    if (!arguments.outputs.any()) return;
    const Json more = {{"saved_states", {{"which", arguments.saved_states}, {"wide", request.wide_states}}},
                       {"seed", request.seed},
                       {"checks", run.checks()},
                       {"rows", run.rows()}};
    plots = write_outputs(arguments.outputs, header(*device, limits, command), run.records(), more);
  };
  for (const at::ScalarType dtype : request.dtypes) {
    request.dtype = dtype;
    limits.emplace_back(dtype_name(dtype), measure_limits(*device, dtype));
    log << describe(*device, limits.back().second) << " in " << dtype_name(dtype) << std::endl;
    for (const OperatorBench& bench : operators) {
      if (std::find(request.ops.begin(), request.ops.end(), bench.name) == request.ops.end()) continue;
      run.measure(bench, request, limits.back().second);
      try {
        write();
        failed_write = nullptr;
      } catch (const Error&) {
        failed_write = std::current_exception();
      }
    }
  }
  if (run.empty() && !run.failed()) {
    throw UsageError("nothing to time: no operator of --ops '" + arguments.ops +
                     "' has a batch of --layout '" + arguments.layouts + "'");
  }
  out << run.table() << std::flush;
  if (failed_write) std::rethrow_exception(failed_write);
  if (arguments.outputs.plots) {
    log << "plots: " << plots.size() << " in " << arguments.outputs.plots->string()
        << (plots.empty() ? " (nothing was swept: give several lengths, batches or padded fractions)" : "")
        << std::endl;
  }
  return run.failed() ? 1 : 0;
}

}  // namespace mabert::bench
