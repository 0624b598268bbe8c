#pragma once

#include <cstdint>
#include <span>

#include <ATen/core/Tensor.h>

namespace mabert::train {

/// (capacity) int64 on the device: the sample of each sequence, 0 for slack; from pinned memory, so that the
/// copy makes nobody wait.
at::Tensor sample_keys(std::span<const std::uint64_t> samples, std::int64_t capacity, c10::Device device);

/// () int64 on the device: number of the forward pass. Both are what a training context with dropout needs.
at::Tensor pass_key(std::int64_t pass, c10::Device device);

}  // namespace mabert::train
