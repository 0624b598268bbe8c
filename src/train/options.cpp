#include "mabert/train/options.h"

#include <ATen/Parallel.h>

#include "mabert/core/device.h"

namespace mabert::train {

std::optional<config::Problem> TrainOptions::validate() const {
  if (steps.has_value() == epochs.has_value()) {
    return config::Problem{"steps", "either steps or epochs", steps ? "both" : "neither"};
  }
  return std::nullopt;
}

c10::Device prepare_device(const TrainOptions& options) {
  set_deterministic(options.deterministic);
  if (options.threads > 0) at::set_num_threads(static_cast<int>(options.threads));
  return parse_device(options.device);
}

at::ScalarType compute_dtype(Precision precision, c10::Device device) {
  switch (precision) {
    case Precision::float32:
      return at::kFloat;
    case Precision::bfloat16:
      return at::kBFloat16;
    case Precision::automatic:
      break;
  }
  return device.is_cuda() ? at::kBFloat16 : at::kFloat;
}

}  // namespace mabert::train
