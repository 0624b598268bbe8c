#include "benchmarks/ops/operator_run.h"

#include "benchmarks/harness/table.h"
#include "benchmarks/ops/checks.h"

#include <map>

namespace mabert::bench {

MeasureOptions operator_measure_options(c10::Device device, std::int64_t samples) {
  MeasureOptions options;
  options.samples = samples;
  if (!device.is_cuda()) {
    options.sample_ms = 50;
    options.rotating_bytes = 100'000'000;
  }
  return options;
}

void OperatorRun::measure(const OperatorBench& bench, const OpsRequest& request, const Limits& limits) {
  const std::string dtype = dtype_name(request.dtype);
  log_ << bench.name << " (" << dtype << "): ";
  if (!accept(bench.name + " " + dtype, bench.check(request))) return;
  log_ << "small batches agree with float64 (worst " << significant(checks_.back().error, 2) << ")"
       << std::endl;
  for (const Workload& workload : bench.workloads(request)) {
    log_ << "  " << workload.key() << std::flush;
    const bool good =
        !workload.check || accept(workload.op + " " + dtype + " " + workload.key(), workload.check());
    device_.release_memory();
    for (const Pass& pass : workload.passes) {
      if (!good) break;
      measure_pass(workload, pass, limits);
      device_.release_memory();
    }
    log_ << std::endl;
  }
  add_ratios();
}

bool OperatorRun::accept(const std::string& name, const std::vector<Check>& checks) {
  Check check = worst(checks);
  check.what = name + ", " + check.what;
  checks_.push_back(check);
  if (check.passed()) return true;
  failed_ = true;
  log_ << "\nmabert_bench: " << check.what << ": relative error " << significant(check.error, 3)
       << ", expected at most " << significant(check.tolerance, 3) << "; not timed" << std::endl;
  return false;
}

void OperatorRun::measure_pass(const Workload& workload, const Pass& pass, const Limits& limits) {
  Row row{.workload = workload, .pass = pass.name, .cost = pass.cost};
  row.workload.passes.clear();
  row.workload.check = nullptr;
  {
    const std::int64_t sets = count_sets(pass.bytes_per_set, options_);
    const Call call = pass.prepare(sets);
    row.measured = bench::measure(device_, sets, call, options_);
  }
  row.peak_bytes = peak_of_one_call(pass);
  const double seconds = row.time().median / 1e3;
  row.limits = limits;
  row.shares = shares(pass.cost, limits, seconds);
  row.gigabytes_per_second = pass.cost.bytes / seconds / 1e9;
  row.ns_per_row = seconds * 1e9 / static_cast<double>(workload.valid_rows);
  log_ << "  " << pass.name << " " << significant(row.time().median, 3) << " ms" << std::flush;
  if (!row.measured.no_graph.empty()) log_ << " (no graph: " << row.measured.no_graph << ")";
  rows_.push_back(std::move(row));
}

std::optional<double> OperatorRun::peak_of_one_call(const Pass& pass) const {
  device_.release_memory();
  device_.reset_peak_memory();
  const std::optional<std::int64_t> before = device_.peak_memory();
  if (!before) return std::nullopt;
  const Call call = pass.prepare(1);
  device_.reset_peak_memory();
  const Outputs outputs = call(0);
  device_.synchronize();
  return static_cast<double>(*device_.peak_memory() - *before);
}

void OperatorRun::add_ratios() {
  const auto key = [](const Row& row, const std::string& place) {
    return row.workload.op + "|" + dtype_name(row.workload.dtype) + "|" + place + "|" + row.pass;
  };
  std::map<std::string, double> by_key;
  for (const Row& row : rows_) by_key[key(row, row.workload.key())] = row.ns_per_row;
  for (Row& row : rows_) {
    const auto found = by_key.find(key(row, row.workload.baseline));
    if (!row.workload.baseline.empty() && found != by_key.end()) row.ratio = row.ns_per_row / found->second;
  }
}

std::vector<Record> OperatorRun::records() const {
  std::vector<Record> all;
  for (const Row& row : rows_) {
    all.push_back(record(row, false));
    if (row.measured.graph) all.push_back(record(row, true));
  }
  return all;
}

Record OperatorRun::record(const Row& row, bool graph) {
  const Workload& w = row.workload;
  Record record;
  record.subject = w.op;
  record.framework = "mabert";
  record.measure = row.pass;
  record.path = graph ? "graph" : "eager";
  record.dtype = dtype_name(w.dtype);
  record.layout = w.layout;
  record.sequences = w.shape.sequences;
  record.length = w.shape.length;
  record.channels = w.shape.channels;
  record.padded_fraction = 1 - static_cast<double>(w.valid_rows) / static_cast<double>(w.rows);
  record.valid_tokens = w.valid_rows;
  record.ms = spread(graph ? row.measured.graph_times : row.measured.call_times);
  record.peak_bytes = row.peak_bytes;
  const double seconds = record.ms.p50 / 1e3;
  record.gigabytes_per_second = row.cost.bytes / seconds / 1e9;
  if (row.cost.flops > 0) record.tflop_per_second = row.cost.flops / seconds / 1e12;
  const Shares found = shares(row.cost, row.limits, seconds);
  record.bandwidth_share = found.bandwidth;
  record.matmul_share = found.matmul;
  if (!graph && !row.measured.no_graph.empty()) record.note = "no graph: " + row.measured.no_graph;
  return record;
}

std::string OperatorRun::table() const {
  Table table({"operator", "batch", "S x L x E", "type", "pass", "call ms", "graph ms", "p10-p90", "GB/s",
               "TFLOP/s", "bw", "exp", "issue", "mm", "peak MB", "ns/row", "ratio"},
              5);
  const auto share = [](const std::optional<double>& value) {
    return value ? percent(*value) : std::string("-");
  };
  const auto number = [](const std::optional<double>& value) {
    return value ? significant(*value, 3) : std::string("-");
  };
  for (const Row& row : rows_) {
    const Workload& w = row.workload;
    const Record found = record(row, row.measured.graph.has_value());
    table.add({w.op, w.layout, to_string(w.shape), dtype_name(w.dtype), row.pass,
               significant(row.measured.call.median, 3),
               row.measured.graph ? significant(row.measured.graph->median, 3) : "-",
               significant(row.time().low, 3) + "-" + significant(row.time().high, 3),
               significant(row.gigabytes_per_second, 3), number(found.tflop_per_second),
               share(row.shares.bandwidth), share(row.shares.exponentials), share(row.shares.issue),
               share(row.shares.matmul), row.peak_bytes ? significant(*row.peak_bytes / 1e6, 3) : "-",
               significant(row.ns_per_row, 3), number(row.ratio)});
  }
  return table.text();
}

Json OperatorRun::rows() const {
  Json all = Json::array();
  for (const Row& row : rows_) all.push_back(json_row(row));
  return all;
}

Json OperatorRun::checks() const {
  Json all = Json::array();
  for (const Check& check : checks_) all.push_back(to_json(check));
  return all;
}

Json OperatorRun::json_row(const Row& row) {
  const Workload& w = row.workload;
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
  if (row.peak_bytes) json["peak_bytes"] = *row.peak_bytes;
  json["ns_per_valid_row"] = row.ns_per_row;
  if (row.ratio) json["ratio"] = {{"to", w.baseline}, {"per_valid_row", *row.ratio}};
  return json;
}

}  // namespace mabert::bench
