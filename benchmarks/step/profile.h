#pragma once

#include "benchmarks/step/kernel_groups.h"

#include <vector>

namespace mabert::bench {

/// Records every kernel of the process between start and stop, by LibTorch's own profiler (Kineto, CUPTI).
void start_profile();
std::vector<KernelTime> stop_profile();

}  // namespace mabert::bench
