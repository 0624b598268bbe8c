#include "sample_keys.h"

#include <ATen/ops/full.h>
#include <ATen/ops/zeros.h>

namespace mabert::train {

at::Tensor sample_keys(std::span<const std::uint64_t> samples, std::int64_t capacity, c10::Device device) {
  const auto options = at::TensorOptions().dtype(at::kLong).pinned_memory(device.is_cuda());
  const at::Tensor keys = at::zeros({capacity}, options);
  auto* data = keys.mutable_data_ptr<std::int64_t>();
  for (std::size_t i = 0; i < samples.size(); ++i) data[i] = static_cast<std::int64_t>(samples[i]);
  return keys.to(device, /*non_blocking=*/true);
}

at::Tensor pass_key(std::int64_t pass, c10::Device device) {
  return at::full({}, pass, at::TensorOptions().dtype(at::kLong).device(device));
}

}  // namespace mabert::train
