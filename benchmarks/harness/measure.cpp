#include "benchmarks/harness/measure.h"

#include "benchmarks/harness/text.h"

#include <algorithm>
#include <chrono>
#include <cmath>
#include <exception>

namespace mabert::bench {

std::int64_t count_sets(std::int64_t bytes_per_set, const MeasureOptions& options) {
  const std::int64_t bytes = std::max<std::int64_t>(bytes_per_set, 1);
  return std::clamp<std::int64_t>((options.rotating_bytes + bytes - 1) / bytes, 2, options.most_sets);
}

std::int64_t count_calls(double ms_per_call, std::int64_t sets, const MeasureOptions& options) {
  const double wanted = std::ceil(options.sample_ms / std::max(ms_per_call, 1e-6));
  const auto calls =
      static_cast<std::int64_t>(std::clamp(wanted, 1.0, static_cast<double>(options.most_calls)));
  return (calls + sets - 1) / sets * sets;
}

Measured measure(const BenchDevice& device, std::int64_t sets, const Call& call,
                 const MeasureOptions& options) {
  std::vector<Outputs> kept(static_cast<std::size_t>(sets));
  const auto run = [&](std::int64_t calls) {
    for (std::int64_t i = 0; i < calls; ++i) {
      Outputs& slot = kept[static_cast<std::size_t>(i % sets)];
      slot.clear();  // before the call, so that its memory can be used for the new outputs
      slot = call(i % sets);
    }
  };
  run(sets);
  device.synchronize();
  const double estimate = device.time([&] { run(sets); }) / static_cast<double>(sets);
  Measured measured;
  measured.sets = sets;
  measured.calls = count_calls(estimate, sets, options);
  const auto sample = [&](const std::function<void()>& work) {
    work();
    std::vector<double> times;
    for (std::int64_t i = 0; i < options.samples; ++i) {
      times.push_back(device.time(work) / static_cast<double>(measured.calls));
    }
    return times;
  };
  measured.call_times = sample([&] { run(measured.calls); });
  measured.call = summarize(measured.call_times);
  try {
    for (Outputs& slot : kept) slot.clear();
    if (const auto recording = device.record([&] { run(measured.calls); })) {
      measured.graph_times = sample([&] { recording->replay(); });
      measured.graph = summarize(measured.graph_times);
      device.synchronize();
      for (Outputs& slot : kept) slot.clear();
    }
  } catch (const std::exception& error) {
    measured.no_graph = first_line(error.what());
  }
  return measured;
}

std::vector<double> measure_queued(const BenchDevice& device, const std::function<void()>& call,
                                   std::int64_t samples) {
  std::vector<std::unique_ptr<Mark>> marks;
  marks.push_back(device.mark());
  for (std::int64_t i = 0; i < samples; ++i) {
    call();
    marks.push_back(device.mark());
  }
  device.synchronize();
  std::vector<double> times;
  for (std::size_t i = 1; i < marks.size(); ++i) times.push_back(marks[i]->since(*marks[i - 1]));
  return times;
}

std::vector<double> measure_latency(const BenchDevice& device, const std::function<void()>& call,
                                    std::int64_t samples, std::int64_t warm_up) {
  for (std::int64_t i = 0; i < warm_up; ++i) call();
  device.synchronize();
  std::vector<double> times;
  for (std::int64_t i = 0; i < samples; ++i) {
    const auto begin = std::chrono::steady_clock::now();
    call();
    device.synchronize();
    times.push_back(
        std::chrono::duration<double, std::milli>(std::chrono::steady_clock::now() - begin).count());
  }
  return times;
}

}  // namespace mabert::bench
