#include "benchmarks/model/forward_times.h"

#include "benchmarks/harness/measure.h"
#include "benchmarks/harness/table.h"
#include "benchmarks/ops/checks.h"

#include <limits>
#include <memory>
#include <vector>

#include "mabert/core/error.h"

namespace mabert::bench {
namespace {

// NaN goes into the outputs first, so that a replay that writes nothing is seen.
void check_replay(const BenchDevice& device, Recording& recording, std::span<at::Tensor> outputs,
                  const std::vector<at::Tensor>& expected) {
  for (at::Tensor& output : outputs) output.fill_(std::numeric_limits<double>::quiet_NaN());
  recording.replay();
  device.synchronize();
  for (std::size_t i = 0; i < outputs.size(); ++i) {
    const Check check = compare("replayed graph", {{"hidden state", outputs[i]}},
                                {{"hidden state", expected[i]}}, tolerance(outputs[i].scalar_type()))
                            .front();
    if (check.passed()) continue;
    throw WrongResult(check.what + ": relative difference " + significant(check.error, 3) +
                      " to that of the call, expected at most " + significant(check.tolerance, 3) +
                      "; not timed");
  }
}

// Runs `measure` with the work as it is to be issued, and counts its memory.
template <class Measure>
ForwardTimes with_path(const BenchDevice& device, const ForwardSettings& settings,
                       const std::function<void()>& work, std::span<at::Tensor> outputs,
                       const Measure& measure) {
  device.reset_peak_memory();
  ForwardTimes times;
  if (settings.graph) {
    work();  // what a first call makes once must not be recorded
    std::vector<at::Tensor> expected;
    for (const at::Tensor& output : outputs) expected.push_back(output.to(at::kCPU, at::kDouble));
    const std::unique_ptr<Recording> recording = device.record(work);
    if (!recording) throw UsageError("paths: this device has no graphs");
    check_replay(device, *recording, outputs, expected);
    times.ms = spread(measure([&] { recording->replay(); }));
    device.synchronize();
  } else {
    times.ms = spread(measure(work));
  }
  if (const auto peak = device.peak_memory()) times.peak_bytes = static_cast<double>(*peak);
  return times;
}

}  // namespace

ForwardTimes time_latency(const BenchDevice& device, nn::MaskedLanguageModel& model, const ModelBatch& batch,
                          const ForwardSettings& settings) {
  at::Tensor kept;
  return with_path(
      device, settings, [&] { kept = encode(model, batch); }, {&kept, 1},
      [&](const std::function<void()>& call) {
        return measure_latency(device, call, settings.samples, settings.warm_up);
      });
}

ForwardTimes time_throughput(const BenchDevice& device, nn::MaskedLanguageModel& model,
                             std::span<const ModelBatch> batches, const ForwardSettings& settings) {
  std::vector<at::Tensor> kept(batches.size());
  const auto round = [&] {
    for (std::size_t i = 0; i < batches.size(); ++i) {
      kept[i].reset();
      kept[i] = encode(model, batches[i]);
    }
  };
  return with_path(device, settings, round, kept, [&](const std::function<void()>& work) {
    for (std::int64_t i = 0; i < settings.warm_up; ++i) work();
    device.synchronize();
    std::vector<double> times = measure_queued(device, work, settings.samples);
    for (double& time : times) time /= static_cast<double>(batches.size());
    return times;
  });
}

}  // namespace mabert::bench
