#pragma once

#include "benchmarks/harness/arguments.h"
#include "benchmarks/harness/device.h"
#include "benchmarks/harness/limits.h"
#include "benchmarks/harness/measure.h"

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include <ATen/core/Tensor.h>

#include "mabert/core/sequence_layout.h"
#include "mabert/nn/mamba_options.h"

namespace mabert::bench {

/// Pieces where a model leaves that to its tokenizer, and of the loss.
constexpr std::int64_t kVocabulary = 30522;

/// What the user asked for, resolved.
struct OpsRequest {
  std::vector<std::string> ops, layouts;
  std::vector<Shape> shapes;
  std::vector<Shape> mixed_shapes;  ///< those of `shapes` that have ragged and padded batches beside them
  std::vector<double> padded{0.5};  ///< shares of the rows of a padded batch that hold no token
  c10::Device device{c10::kCPU};
  std::vector<at::ScalarType> dtypes{at::kFloat};                   ///< one after another
  at::ScalarType dtype = at::kFloat;                                ///< the one that workloads are made for
  nn::SavedScanStates saved_states = nn::SavedScanStates::every_8;  ///< what training keeps of a scan
  bool wide_states = false;
  std::uint64_t seed = 0;    ///< of the inputs
  bool quick_check = false;  ///< only the small check against the references
};

/// One comparison with the float64 oracle. Passed: error ≤ tolerance (a NaN fails).
struct Check {
  std::string what;
  double error = 0, tolerance = 0;
  bool passed() const { return error <= tolerance; }
};

/// One thing to time: a forward, a backward.
struct Pass {
  std::string name;
  Cost cost;
  std::int64_t bytes_per_set = 0;
  /// Allocates the sets and returns the call.
  std::function<Call(std::int64_t sets)> prepare;
};

/// An operator on one batch: checked as one, timed pass by pass.
struct Workload {
  std::string op, layout;
  Shape shape;  ///< of a ragged batch: sequences, longest length
  std::int64_t rows = 0, valid_rows = 0, groups = 1;
  at::ScalarType dtype = at::kFloat;
  std::string note;
  /// Layout and shape of the workload of the same operator to compare the time per valid row with, pass by
  /// pass; empty: none.
  std::string baseline;
  std::function<std::vector<Check>()> check;
  std::vector<Pass> passes;

  std::string key() const { return layout + " " + to_string(shape); }
};

/// A batch under test.
struct Batch {
  std::string name;  ///< dense, ragged, padded
  Shape shape;
  SequenceLayout layout;
  std::string baseline;  ///< key of the dense batch of as many valid rows; empty for a dense one
  std::int64_t rows() const { return layout.rows(); }
};

/// The dense batches of the request's shapes; with `ragged` and `padded` in its layouts, for each mixed shape
/// S x L also its S·L rows in lengths 16 to L, and, for each padded fraction f, S·L valid rows among those of
/// S / (1 - f) sequences of L rows. So all three hold equally many valid rows.
std::vector<Batch> make_batches(const OpsRequest& request);

/// S / (1 - fraction), rounded. Errors: UsageError where that is a fraction further than 0.05 from the one
/// asked for.
std::int64_t padded_sequences(const Shape& shape, double fraction);

/// Before any work: refuses shapes that cannot fit. memory_bytes: the device's, 0 where it is not known.
/// Errors: UsageError with the shape, what it would take, and what to lower.
void check_sizes(const OpsRequest& request, std::int64_t memory_bytes, const std::string& device);

/// Every operator: one function per file in benchmarks/ops, listed in all_operators().
struct OperatorBench {
  std::string name;
  /// Small batches of every kind against the references in float64.
  std::function<std::vector<Check>(const OpsRequest&)> check;
  std::function<std::vector<Workload>(const OpsRequest&)> workloads;
};

OperatorBench selective_scan_bench();
OperatorBench causal_conv1d_bench();
OperatorBench attention_bench();
OperatorBench attention_pool_bench();
OperatorBench masked_cross_entropy_bench();
OperatorBench mamba_layer_bench();
std::vector<OperatorBench> all_operators();

}  // namespace mabert::bench
