#pragma once

#include "kernels/attention_pool/launch_plan.h"
#include "kernels/common/dtype.h"

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

/// What the chunks of the forward pass hand on, by slot.
struct PoolParts {
  void* rows;           // A (slots, stride): Σ exp(score − largest) x over the chunk's valid rows
  std::int64_t stride;  // pool_part_stride(width)
  void* largest;        // A (slots): score, −∞ without a valid row
  void* sums;           // A (slots): Σ exp(score − largest)
};

/// Writes every row of probabilities and every sequence of out: 0 where invalid or empty. What invalid rows
/// hold is not read. `parts` is for PoolForwardBlock's slots.
cudaError_t pool_forward_cuda(const PoolParams& params, const PoolParts& parts, DType dtype,
                              cudaStream_t stream);

/// Writes every row of dx and dscores. `sums`: A (slots of PoolBackwardBlock), scratch.
cudaError_t pool_backward_cuda(const PoolParams& params, const PoolGradients& gradients, void* sums,
                               DType dtype, cudaStream_t stream);

}  // namespace mabert::kernels
