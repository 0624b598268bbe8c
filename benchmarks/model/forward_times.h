#pragma once

#include "benchmarks/harness/device.h"
#include "benchmarks/harness/record.h"
#include "benchmarks/model/bench_model.h"

#include <optional>
#include <span>
#include <stdexcept>

namespace mabert::bench {

struct ForwardSettings {
  bool graph = false;  ///< replayed from a CUDA graph
  std::int64_t warm_up = 5, samples = 21;
};

/// What was timed computes something else than it should.
class WrongResult : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

struct ForwardTimes {
  TimeSpread ms;
  /// With the weights as they lie there: beside those in the compute dtype the fp32 parameters, which stay.
  std::optional<double> peak_bytes;
};

/// Both compare the output of a recorded graph, replayed once, with that of the call before they time it.
/// Errors: WrongResult.

/// From the call to the completion of the encoder's forward of one batch, as the host sees it. Weights are
/// cast, tokens and layout on the device beforehand.
ForwardTimes time_latency(const BenchDevice& device, nn::MaskedLanguageModel& model, const ModelBatch& batch,
                          const ForwardSettings& settings);

/// Device time of the encoder's forward, call after call over the batches in turn; a sample is one round.
ForwardTimes time_throughput(const BenchDevice& device, nn::MaskedLanguageModel& model,
                             std::span<const ModelBatch> batches, const ForwardSettings& settings);

}  // namespace mabert::bench
