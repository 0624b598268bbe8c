#pragma once

#include <cstdint>

#include <c10/core/Device.h>

namespace mabert::train {

/// Bytes that the process holds on the device: the allocator's on CUDA, the resident set on the CPU; 0 if not
/// known.
std::int64_t memory_in_use(c10::Device device);

}  // namespace mabert::train
