#include "mabert/train/step_graph.h"

#include "mabert/core/error.h"

namespace mabert::train {

std::unique_ptr<StepGraph> make_step_graph(c10::Device device) {
  throw DeviceError(device.str() + ": this program was built for the CPU; use the preset cuda-release");
}

}  // namespace mabert::train
