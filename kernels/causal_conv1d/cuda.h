#pragma once

#include "kernels/causal_conv1d/params.h"
#include "kernels/common/dtype.h"

#include <cuda_runtime_api.h>

namespace mabert::kernels {

/// Rows over which one thread sums a channel's weight gradient.
inline constexpr std::int64_t kConvPartRowsCuda = 128;

/// One thread per (row, channel); zeros at invalid rows.
cudaError_t conv_forward_cuda(const ConvParams& params, DType dtype, cudaStream_t stream);
cudaError_t conv_backward_cuda(const ConvParams& params, const ConvGradients& gradients, DType dtype,
                               cudaStream_t stream);

}  // namespace mabert::kernels
