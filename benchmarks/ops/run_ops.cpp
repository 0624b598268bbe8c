#include "benchmarks/ops/run_ops.h"

#include "benchmarks/harness/report.h"
#include "benchmarks/harness/table.h"
#include "benchmarks/ops/checks.h"

#include <algorithm>
#include <deque>
#include <map>
#include <random>

#include <ATen/Context.h>
#include <ATen/Parallel.h>

#include "mabert/core/device.h"
#include "mabert/core/error.h"

namespace mabert::bench {
namespace {

constexpr const char* kCudaShapes = "32x512,64x512,16x1024,8x4096,1x512,1x4096";
constexpr const char* kCpuShapes = "8x512x512";
constexpr std::int64_t kChannels = 1536;

struct Row {
  const Workload* workload = nullptr;
  std::string pass;
  Cost cost;
  Measured measured;
  Shares shares;
  double gigabytes_per_second = 0, ns_per_row = 0;
  std::optional<double> ratio;

  // The device's own time where it is known without the host's gaps.
  const Summary& time() const { return measured.graph ? *measured.graph : measured.call; }
};

class Run {
 public:
  Run(const OpsRequest& request, const MeasureOptions& options, const BenchDevice& device, std::ostream& log)
      : request_(request),
        options_(options),
        device_(device),
        log_(log),
        limits_(measure_limits(device, request.dtype)) {
    log_ << describe(device, limits_) << std::endl;
  }

  void measure_operator(const OperatorBench& bench) {
    log_ << bench.name << ": ";
    if (!accept(bench.name, bench.check(request_))) return;
    log_ << "small batches agree with float64 (worst " << significant(checks_.back().error, 2) << ")"
         << std::endl;
    workloads_.push_back(bench.workloads(request_));
    for (const Workload& workload : workloads_.back()) {
      log_ << "  " << workload.key() << std::flush;
      const bool good = !workload.check || accept(workload.op + " " + workload.key(), workload.check());
      device_.release_memory();
      for (const Pass& pass : workload.passes) {
        if (!good) break;
        measure_pass(workload, pass);
        device_.release_memory();
      }
      log_ << std::endl;
    }
  }

  bool failed() const { return failed_; }
  const Limits& limits() const { return limits_; }

  void add_ratios() {
    std::map<std::string, double> by_key;
    const auto key = [](const Workload& w, const std::string& place, const std::string& pass) {
      return w.op + "|" + place + "|" + pass;
    };
    for (const Row& row : rows_) by_key[key(*row.workload, row.workload->key(), row.pass)] = row.ns_per_row;
    for (Row& row : rows_) {
      const auto found = by_key.find(key(*row.workload, row.workload->baseline, row.pass));
      if (!row.workload->baseline.empty() && found != by_key.end())
        row.ratio = row.ns_per_row / found->second;
    }
  }

  std::string table() const {
    Table table({"operator", "batch", "S x L x E", "type", "pass", "call ms", "graph ms", "p10-p90", "GB/s",
                 "bw", "exp", "issue", "mm", "ns/row", "ratio"},
                5);
    const auto share = [](const std::optional<double>& value) {
      return value ? percent(*value) : std::string("-");
    };
    for (const Row& row : rows_) {
      const Workload& w = *row.workload;
      table.add({w.op, w.layout, to_string(w.shape), dtype_name(w.dtype), row.pass,
                 significant(row.measured.call.median, 3),
                 row.measured.graph ? significant(row.measured.graph->median, 3) : "-",
                 significant(row.time().low, 3) + "-" + significant(row.time().high, 3),
                 significant(row.gigabytes_per_second, 3), share(row.shares.bandwidth),
                 share(row.shares.exponentials), share(row.shares.issue), share(row.shares.matmul),
                 significant(row.ns_per_row, 3), row.ratio ? significant(*row.ratio, 3) : "-"});
    }
    return table.text();
  }

  Json rows() const {
    Json all = Json::array();
    for (const Row& row : rows_) all.push_back(json_row(row));
    return all;
  }

  Json checks() const {
    Json all = Json::array();
    for (const Check& check : checks_) {
      all.push_back({{"worst", check.what}, {"error", check.error}, {"tolerance", check.tolerance}});
    }
    return all;
  }

 private:
  bool accept(const std::string& name, const std::vector<Check>& checks) {
    Check check = worst(checks);
    check.what = name + ", " + check.what;
    checks_.push_back(check);
    if (check.passed()) return true;
    failed_ = true;
    log_ << "\nmabert_bench: " << check.what << ": relative error " << significant(check.error, 3)
         << ", expected at most " << significant(check.tolerance, 3) << "; not timed" << std::endl;
    return false;
  }

  void measure_pass(const Workload& workload, const Pass& pass) {
    const std::int64_t sets = count_sets(pass.bytes_per_set, options_);
    const Call call = pass.prepare(sets);
    Row row{.workload = &workload, .pass = pass.name, .cost = pass.cost};
    row.measured = measure(device_, sets, call, options_);
    const double seconds = row.time().median / 1e3;
    row.shares = shares(pass.cost, limits_, seconds);
    row.gigabytes_per_second = pass.cost.bytes / seconds / 1e9;
    row.ns_per_row = seconds * 1e9 / static_cast<double>(workload.valid_rows);
    log_ << "  " << pass.name << " " << significant(row.time().median, 3) << " ms" << std::flush;
    if (!row.measured.no_graph.empty()) log_ << " (no graph: " << row.measured.no_graph << ")";
    rows_.push_back(std::move(row));
  }

  static Json json_row(const Row& row) {
    const Workload& w = *row.workload;
    Json json;
    json["op"] = w.op;
    json["pass"] = row.pass;
    json["batch"] = w.layout;
    json["shape"] = {w.shape.sequences, w.shape.length, w.shape.channels};
    json["rows"] = w.rows;
    json["valid_rows"] = w.valid_rows;
    json["groups"] = w.groups;
    json["dtype"] = dtype_name(w.dtype);
    json["call_ms"] = to_json(row.measured.call);
    if (row.measured.graph) json["graph_ms"] = to_json(*row.measured.graph);
    if (!row.measured.no_graph.empty()) json["no_graph"] = row.measured.no_graph;
    json["sets"] = row.measured.sets;
    json["calls_per_sample"] = row.measured.calls;
    json["cost"] = {{"bytes", row.cost.bytes},
                    {"exponentials", row.cost.exps},
                    {"instructions", row.cost.instructions},
                    {"flops", row.cost.flops}};
    json["gb_per_second"] = row.gigabytes_per_second;
    Json& share = json["share"] = Json::object();
    const auto add = [&](const char* name, const std::optional<double>& value) {
      if (value) share[name] = *value;
    };
    add("bandwidth", row.shares.bandwidth);
    add("exponentials", row.shares.exponentials);
    add("issue", row.shares.issue);
    add("matmul", row.shares.matmul);
    json["ns_per_valid_row"] = row.ns_per_row;
    if (row.ratio) json["ratio"] = {{"to", w.baseline}, {"per_valid_row", *row.ratio}};
    return json;
  }

  const OpsRequest& request_;
  const MeasureOptions& options_;
  const BenchDevice& device_;
  std::ostream& log_;
  Limits limits_;
  std::deque<std::vector<Workload>> workloads_;  // rows point into it
  std::vector<Row> rows_;
  std::vector<Check> checks_;
  bool failed_ = false;
};

void seed_inputs(const OpsRequest& request) {
  at::Generator host = at::globalContext().defaultGenerator(c10::Device(c10::kCPU));
  host.set_current_seed(request.seed);
  if (!request.device.is_cuda()) return;
  at::Generator device = at::globalContext().defaultGenerator(request.device);
  device.set_current_seed(request.seed);
}

nn::SavedScanStates parse_saved_states(const std::string& name) {
  std::string known;
  for (const auto& item : config::EnumNames<nn::SavedScanStates>::names) {
    if (item.name == name) return item.value;
    known += (known.empty() ? "" : ", ") + std::string(item.name);
  }
  throw UsageError("--saved-states: expected one of " + known + ", got '" + name + "'");
}

}  // namespace

OpsRequest resolve(const OpsArguments& arguments, c10::Device device,
                   const std::vector<OperatorBench>& operators) {
  const bool cuda = device.is_cuda();
  std::vector<std::string> names;
  for (const OperatorBench& bench : operators) names.push_back(bench.name);
  OpsRequest request;
  request.device = device;
  request.ops = parse_names("--ops", arguments.ops, names);
  request.layouts =
      parse_names("--layout", arguments.layouts, {"dense", "ragged", "padded", "bidirectional"});
  request.dtype = parse_dtype(arguments.dtype.empty() ? (cuda ? "bf16" : "fp32") : arguments.dtype);
  if (!cuda && request.dtype != at::kFloat) {
    throw UsageError("--dtype: expected fp32 on the CPU, got '" + arguments.dtype + "'");
  }
  const std::string shapes = arguments.shapes.empty() ? (cuda ? kCudaShapes : kCpuShapes) : arguments.shapes;
  for (const std::string& text : split(shapes, ',')) {
    const Shape shape = parse_shape(text, kChannels);
    if (shape.channels % 128 != 0) {
      throw UsageError(
          "--shapes: expected channels that are a multiple of 128 (two for each of a model's heads of "
          "64), got '" +
          text + "'");
    }
    request.shapes.push_back(shape);
  }
  request.saved_states = parse_saved_states(arguments.saved_states);
  request.wide_states = arguments.wide_states;
  if (arguments.samples < 3) {
    throw UsageError("--samples: expected at least 3, got " + std::to_string(arguments.samples));
  }
  request.seed = arguments.seed != 0 ? arguments.seed : std::random_device()();
  request.quick_check = arguments.quick_check;
  return request;
}

int run_ops(const OpsArguments& arguments, const std::string& command, std::ostream& out, std::ostream& log,
            const std::vector<OperatorBench>& operators) {
  set_deterministic(arguments.deterministic);
  if (arguments.threads > 0) at::set_num_threads(static_cast<int>(arguments.threads));
  const c10::Device place = parse_device(arguments.device);
  const OpsRequest request = resolve(arguments, place, operators);
  if (arguments.json) check_report_path(*arguments.json);
  const auto device = open_device(place);
  seed_inputs(request);
  MeasureOptions options;
  options.samples = arguments.samples;
  if (!place.is_cuda()) {
    options.sample_ms = 50;
    options.rotating_bytes = 100'000'000;
  }
  Run run(request, options, *device, log);
  // After each operator, so that a run cut short leaves what it measured.
  const auto write = [&] {
    run.add_ratios();
    if (!arguments.json) return;
    Json report = report_header(*device, run.limits(), command);
    report["saved_states"] = {{"which", arguments.saved_states}, {"wide", request.wide_states}};
    report["seed"] = request.seed;
    report["checks"] = run.checks();
    report["rows"] = run.rows();
    write_report(*arguments.json, report);
  };
  for (const OperatorBench& bench : operators) {
    if (std::find(request.ops.begin(), request.ops.end(), bench.name) == request.ops.end()) continue;
    run.measure_operator(bench);
    write();
  }
  if (run.rows().empty() && !run.failed()) {
    throw UsageError("nothing to time: no operator of --ops '" + arguments.ops +
                     "' has a batch of --layout '" + arguments.layouts + "'");
  }
  out << run.table();
  return run.failed() ? 1 : 0;
}

}  // namespace mabert::bench
