#pragma once

#include "benchmarks/harness/device.h"
#include "benchmarks/harness/statistics.h"

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include <ATen/core/Tensor.h>

namespace mabert::bench {

using Outputs = std::vector<at::Tensor>;

/// One call on buffer set `set`; what it returns stays alive until the set is used again.
using Call = std::function<Outputs(std::int64_t set)>;

struct MeasureOptions {
  std::int64_t samples = 21;
  double sample_ms = 4;                       ///< aimed at for one sample of several calls
  std::int64_t rotating_bytes = 400'000'000;  ///< all sets together: caches must not help
  std::int64_t most_sets = 64, most_calls = 200;
};

struct Measured {
  Summary call;                                 ///< ms of one call, issued from the host
  std::optional<Summary> graph;                 ///< ms of one call, replayed without the host
  std::string no_graph;                         ///< why there is none, if the device has graphs
  std::vector<double> call_times, graph_times;  ///< the samples, in order
  std::int64_t sets = 0, calls = 0;
};

/// Buffer sets that together hold `rotating_bytes`, at least 2.
std::int64_t count_sets(std::int64_t bytes_per_set, const MeasureOptions& options);
/// Calls per sample: whole rounds over the sets that take about `sample_ms`.
std::int64_t count_calls(double ms_per_call, std::int64_t sets, const MeasureOptions& options);

/// Warm-up, then `samples` of several calls each between two marks, then the same calls as a recording.
Measured measure(const BenchDevice& device, std::int64_t sets, const Call& call,
                 const MeasureOptions& options);

/// Milliseconds on the device of each of `samples` calls, with a mark after each and no wait between them.
std::vector<double> measure_queued(const BenchDevice& device, const std::function<void()>& call,
                                   std::int64_t samples);

/// What someone who waits for each result sees: milliseconds on the host's clock from the call to its
/// completion on the device, of `samples` single calls after `warm_up` more. For a recording, `call` replays
/// it.
std::vector<double> measure_latency(const BenchDevice& device, const std::function<void()>& call,
                                    std::int64_t samples, std::int64_t warm_up = 3);

}  // namespace mabert::bench
