#include "sample_keys.h"

#include <ATen/ops/zeros.h>

namespace mabert::train {

at::Tensor host_sample_keys(std::span<const std::uint64_t> samples, std::int64_t capacity,
                            c10::Device device) {
  const auto options = at::TensorOptions().dtype(at::kLong).pinned_memory(device.is_cuda());
  const at::Tensor keys = at::zeros({capacity}, options);
  auto* data = keys.mutable_data_ptr<std::int64_t>();
  for (std::size_t i = 0; i < samples.size(); ++i) data[i] = static_cast<std::int64_t>(samples[i]);
  return keys;
}

at::Tensor sample_keys(std::span<const std::uint64_t> samples, std::int64_t capacity, c10::Device device) {
  return host_sample_keys(samples, capacity, device).to(device, /*non_blocking=*/true);
}

}  // namespace mabert::train
