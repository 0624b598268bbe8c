#pragma once

#include "kernels/common/dtype.h"
#include "kernels/common/layout_view.h"

#include <cuda_runtime_api.h>

namespace mabert::kernels {

/// Attention pooling as kernels see it: T marks the type of x, A float (double with double x). Source: own.
struct PoolParams {
  LayoutView layout;
  std::int64_t width;
  const void* x;  // T (rows, width)
  std::int64_t x_stride;
  const void* scores;   // A (rows)
  void* probabilities;  // A (rows)
  void* out;            // T (sequences, width)
};

struct PoolGradients {
  const void* grad_out;  // T (sequences, width)
  void* dx;              // T (rows, width)
  void* dscores;         // A (rows)
};

/// One block per sequence; every row is written.
cudaError_t pool_forward_cuda(const PoolParams& params, DType dtype, cudaStream_t stream);
cudaError_t pool_backward_cuda(const PoolParams& params, const PoolGradients& gradients, DType dtype,
                               cudaStream_t stream);

}  // namespace mabert::kernels
