#pragma once

#include "kernels/common/dtype.h"
#include "kernels/dropout/params.h"

#include <cuda_runtime_api.h>

namespace mabert::kernels {

cudaError_t dropout_cuda(const DropoutParams& params, DType dtype, cudaStream_t stream);

}  // namespace mabert::kernels
