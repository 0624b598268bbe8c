#include "benchmarks/step/profile.h"

#include <set>

#include <torch/csrc/autograd/profiler_kineto.h>

namespace mabert::bench {

namespace profiler = torch::autograd::profiler;

void start_profile() {
  const profiler::ProfilerConfig config(profiler::ProfilerState::KINETO);
  const std::set<profiler::ActivityType> activities{profiler::ActivityType::CUDA};
  profiler::prepareProfiler(config, activities);
  profiler::enableProfiler(config, activities);
}

std::vector<KernelTime> stop_profile() {
  const auto result = profiler::disableProfiler();
  std::vector<KernelTime> kernels;
  for (const profiler::KinetoEvent& event : result->events()) {
    if (event.deviceType() != c10::DeviceType::CUDA || event.durationNs() == 0) continue;
    kernels.push_back(
        {event.name(), static_cast<std::int64_t>(event.startNs()), static_cast<std::int64_t>(event.endNs())});
  }
  return kernels;
}

}  // namespace mabert::bench
