#pragma once

#include "benchmarks/harness/record.h"
#include "benchmarks/ops/workload.h"

#include <optional>
#include <ostream>
#include <string>
#include <vector>

namespace mabert::bench {

/// Sizes of samples for operators on that device: long enough for its clock, and more than its caches hold.
MeasureOptions operator_measure_options(c10::Device device, std::int64_t samples);

/// Checks operators and times those that pass, one after another, and keeps what it finds.
class OperatorRun {
 public:
  OperatorRun(const MeasureOptions& options, const BenchDevice& device, std::ostream& log)
      : options_(options), device_(device), log_(log) {}

  /// In request.dtype, with the limits measured in it. An operator that fails its check is named in the log
  /// and not timed.
  void measure(const OperatorBench& bench, const OpsRequest& request, const Limits& limits);

  bool failed() const { return failed_; }
  bool empty() const { return rows_.empty(); }

  /// For each pass one record as called and, where the device has graphs, one as replayed.
  std::vector<Record> records() const;
  std::string table() const;
  Json rows() const;    ///< as in the table, with costs and counts
  Json checks() const;  ///< the worst comparison of each check

 private:
  struct Row {
    Workload workload;  // without its functions
    std::string pass;
    Cost cost;
    Measured measured;
    Shares shares;
    Limits limits;
    std::optional<double> peak_bytes, ratio;
    double gigabytes_per_second = 0, ns_per_row = 0;

    // The device's own time where it is known without the host's gaps.
    const Summary& time() const { return measured.graph ? *measured.graph : measured.call; }
  };

  bool accept(const std::string& name, const std::vector<Check>& checks);
  void measure_pass(const Workload& workload, const Pass& pass, const Limits& limits);
  std::optional<double> peak_of_one_call(const Pass& pass) const;
  void add_ratios();
  static Record record(const Row& row, bool graph);
  static Json json_row(const Row& row);

  MeasureOptions options_;
  const BenchDevice& device_;
  std::ostream& log_;
  std::vector<Row> rows_;
  std::vector<Check> checks_;
  bool failed_ = false;
};

}  // namespace mabert::bench
