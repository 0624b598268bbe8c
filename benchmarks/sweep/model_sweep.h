#pragma once

#include "benchmarks/harness/device.h"
#include "benchmarks/harness/record.h"
#include "benchmarks/model/bench_model.h"
#include "benchmarks/sweep/progress.h"
#include "benchmarks/sweep/sweep_options.h"

#include <functional>
#include <map>
#include <string>
#include <vector>

namespace mabert::bench {

/// A measurement that there should have been.
struct SweepFailure {
  Record cell;  ///< without times
  std::string reason;
};

/// "bert-base 32 x 512 bf16 ragged training_step eager".
std::string describe_cell(const Record& cell);

struct SweepResults {
  std::vector<Record> records;
  std::vector<SweepFailure> failures;
  std::vector<Check> checks;
  std::vector<std::string> notes;  ///< what was left out on purpose
  bool check_failed = false;
};

using ModelBuilder = std::function<nn::MaskedLanguageModel(const app::RunConfig&, std::uint64_t seed)>;

/// Checks and times the models of a sweep, one configuration after the other. What fails to run (memory, a
/// missing kernel) is noted and the rest goes on; a model whose forward is wrong is not timed.
class ModelSweep {
 public:
  /// configs: of each model of the options. Everything is kept by reference.
  ModelSweep(const SweepOptions& options, const std::map<std::string, app::RunConfig>& configs,
             const BenchDevice& device, const ModelBuilder& build, Progress& progress);

  /// Every length of one model in one dtype.
  void measure(const std::string& name, at::ScalarType dtype, const Limits& limits, SweepResults& results);

 private:
  struct Subject;
  bool check(Subject& subject, SweepResults& results);
  void measure_length(Subject& subject, SweepResults& results);
  void measure_forward(Subject& subject, data::BatchLayout layout, double fraction, SweepResults& results);
  void measure_training(Subject& subject, data::BatchLayout layout, double fraction, SweepResults& results);
  bool wants(SweepMeasure measure) const;
  void attempt(const Record& cell, SweepResults& results, const std::function<Record()>& work);
  void fail(const Record& cell, const std::string& reason, SweepResults& results);

  const SweepOptions& options_;
  const std::map<std::string, app::RunConfig>& configs_;
  const BenchDevice& device_;
  const ModelBuilder& build_;
  Progress& progress_;
  std::vector<SweepPath> paths_;
};

}  // namespace mabert::bench
