#include "benchmarks/model/forward_times.h"

#include "benchmarks/harness/measure.h"

#include <memory>
#include <vector>

#include "mabert/core/error.h"

namespace mabert::bench {
namespace {

// Runs `measure` with the work as it is to be issued, and counts its memory.
template <class Measure>
ForwardTimes with_path(const BenchDevice& device, const ForwardSettings& settings,
                       const std::function<void()>& work, const Measure& measure) {
  device.reset_peak_memory();
  ForwardTimes times;
  if (settings.graph) {
    work();  // what a first call makes once must not be recorded
    const std::unique_ptr<Recording> recording = device.record(work);
    if (!recording) throw UsageError("paths: this device has no graphs");
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
      device, settings, [&] { kept = encode(model, batch); },
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
  return with_path(device, settings, round, [&](const std::function<void()>& work) {
    for (std::int64_t i = 0; i < settings.warm_up; ++i) work();
    device.synchronize();
    std::vector<double> times;
    for (std::int64_t i = 0; i < settings.samples; ++i) {
      times.push_back(device.time(work) / static_cast<double>(batches.size()));
    }
    return times;
  });
}

}  // namespace mabert::bench
