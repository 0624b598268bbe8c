#pragma once

#include "kernels/common/dtype.h"

#include <cstdint>
#include <cuda_runtime_api.h>

namespace mabert::kernels {

/// Masked cross-entropy as kernels see it: T marks the type of the logits, A float (double with double).
/// Source: own.
struct CrossEntropyParams {
  std::int64_t rows, columns, vocabulary, stride;
  const void* logits;          // T (rows, columns)
  const std::int64_t* labels;  // (rows)
  void* log_sum_exp;           // A (rows)
  void* row_loss;              // A (rows), scratch
  std::int64_t* row_hit;       // (rows), scratch
  void* loss_sum;              // A (1)
  std::int64_t* correct;       // (1)
};

/// A label outside the vocabulary gives a NaN loss: the device cannot throw.
cudaError_t cross_entropy_forward_cuda(const CrossEntropyParams& params, DType dtype, cudaStream_t stream);

/// grad_loss: A (1); dlogits: T (rows, columns), every element written.
cudaError_t cross_entropy_backward_cuda(const CrossEntropyParams& params, const void* grad_loss,
                                        void* dlogits, DType dtype, cudaStream_t stream);

}  // namespace mabert::kernels
