#pragma once

#include "kernels/causal_conv1d/cuda.h"
#include "kernels/common/cuda_types.cuh"

namespace mabert::kernels {

inline constexpr int kSumChannels = 32, kSumSlices = 8;

template <class A>
__device__ inline void store_as(void* to, std::int64_t index, A value, DType dtype) {
  switch (dtype) {
    case DType::f32:
      return store<float>(to, index, static_cast<float>(value));
    case DType::f64:
      return store<double>(to, index, static_cast<double>(value));
    case DType::bf16:
      return store<__nv_bfloat16>(to, index, static_cast<float>(value));
    default:
      return store<__half>(to, index, static_cast<float>(value));
  }
}

/// dweight and dbias from their parts: slices of parts in order, then the slices in order. A block handles
/// one tap (or the bias) of kSumChannels channels. May be launched before the parts are complete: it waits
/// for them.
template <class A>
__global__ void __launch_bounds__(kSumChannels* kSumSlices)
    conv_weight_sum_kernel(ConvCall call, ConvGradientOutputs outputs, std::int64_t parts) {
  __shared__ A sums[kSumSlices][kSumChannels];
  const int lane = threadIdx.x % kSumChannels, slice = threadIdx.x / kSumChannels, row = blockIdx.y;
  const std::int64_t channel = static_cast<std::int64_t>(blockIdx.x) * kSumChannels + lane;
#if __CUDA_ARCH__ >= 900
  cudaGridDependencySynchronize();
#endif
  A sum = 0;
  if (channel < call.channels) {
    const A* const from = static_cast<const A*>(outputs.parts) + row * call.channels + channel;
#pragma unroll 4
    for (std::int64_t part = slice; part < parts; part += kSumSlices)
      sum += from[part * (call.width + 1) * call.channels];
  }
  sums[slice][lane] = sum;
  __syncthreads();
  if (slice > 0 || channel >= call.channels) return;
  for (int s = 1; s < kSumSlices; ++s) sum += sums[s][lane];
  if (row < call.width) {
    store_as(outputs.dweight, channel * call.width + row, sum, call.weight_dtype);
  } else if (outputs.dbias != nullptr) {
    store_as(outputs.dbias, channel, sum, call.bias_dtype);
  }
}

}  // namespace mabert::kernels
