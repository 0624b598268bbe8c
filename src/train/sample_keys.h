#pragma once

#include <cstdint>
#include <span>

#include <ATen/core/Tensor.h>

namespace mabert::train {

/// (capacity) int64: the sample of each sequence, 0 for slack; in pinned memory for a CUDA device, so that
/// the copy to it makes nobody wait.
at::Tensor host_sample_keys(std::span<const std::uint64_t> samples, std::int64_t capacity,
                            c10::Device device);

/// The same on the device: what a training context with dropout needs.
at::Tensor sample_keys(std::span<const std::uint64_t> samples, std::int64_t capacity, c10::Device device);

}  // namespace mabert::train
