#pragma once

#include "kernels/common/dtype.h"
#include "kernels/common/sum_parts_cuda.h"

#include <ATen/core/Tensor.h>
#include <ATen/ops/empty.h>
#include <c10/cuda/CUDAException.h>
#include <c10/cuda/CUDAGuard.h>
#include <c10/cuda/CUDAStream.h>

#include "mabert/core/error.h"

namespace mabert::kernels {

inline DType dtype_of(const at::Tensor& x) {
  switch (x.scalar_type()) {
    case at::kFloat:
      return DType::f32;
    case at::kDouble:
      return DType::f64;
    case at::kBFloat16:
      return DType::bf16;
    case at::kHalf:
      return DType::f16;
    default:
      throw UsageError("expected a floating-point tensor, got " +
                       std::string(c10::toString(x.scalar_type())));
  }
}

inline int multiprocessor_count() {
  int device = 0, count = 0;
  C10_CUDA_CHECK(cudaGetDevice(&device));
  C10_CUDA_CHECK(cudaDeviceGetAttribute(&count, cudaDevAttrMultiProcessorCount, device));
  return count;
}

inline cudaStream_t current_stream() { return c10::cuda::getCurrentCUDAStream().stream(); }

/// (parts, ...) to (...), added in order.
inline at::Tensor sum_parts_on_device(const at::Tensor& parts) {
  const at::Tensor total = at::empty(parts.sizes().slice(1), parts.options());
  C10_CUDA_CHECK(sum_parts_cuda(parts.const_data_ptr(), parts.size(0), total.numel(),
                                parts.scalar_type() == at::kDouble, total.mutable_data_ptr(),
                                current_stream()));
  return total;
}

}  // namespace mabert::kernels
