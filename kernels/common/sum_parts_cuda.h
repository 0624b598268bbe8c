#pragma once

#include <cstdint>
#include <cuda_runtime_api.h>

namespace mabert::kernels {

/// total[i] = Σ parts[part][i], added in order: repeatable.
cudaError_t sum_parts_cuda(const void* parts, std::int64_t count, std::int64_t size, bool is_double,
                           void* total, cudaStream_t stream);

}  // namespace mabert::kernels
