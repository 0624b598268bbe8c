#pragma once

#include "kernels/common/dtype.h"
#include "kernels/rotary/params.h"

#include <cuda_runtime_api.h>

namespace mabert::kernels {

cudaError_t rotary_cuda(const RotaryParams& params, DType dtype, cudaStream_t stream);

}  // namespace mabert::kernels
