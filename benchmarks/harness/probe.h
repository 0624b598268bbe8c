#pragma once

#include <cstdint>
#include <cuda_runtime_api.h>

namespace mabert::bench {

/// Exponentials that one launch of the probe computes.
std::int64_t probe_exps(int multiprocessors);

/// Keeps the special function unit of every SM busy. result: 2 entries on the device: cycles and nanoseconds
/// of the first block.
cudaError_t launch_probe(int multiprocessors, std::uint64_t* result, cudaStream_t stream);

}  // namespace mabert::bench
