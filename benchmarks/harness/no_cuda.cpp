#include "benchmarks/harness/device.h"

#include "mabert/core/error.h"

namespace mabert::bench {

std::unique_ptr<BenchDevice> open_cuda_device(c10::Device device) {
  throw DeviceError(device.str() + ": this program was built for the CPU; use the preset cuda-release");
}

}  // namespace mabert::bench
