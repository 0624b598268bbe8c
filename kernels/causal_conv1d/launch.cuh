#pragma once

#include "kernels/causal_conv1d/cuda.h"
#include "kernels/common/cuda_types.cuh"

#include <type_traits>

namespace mabert::kernels {

/// Do all rows start at a multiple of 16 bytes?
inline bool rows_aligned(const void* data, std::int64_t stride, DType dtype) {
  const std::int64_t size = dtype == DType::f64 ? 8 : dtype == DType::f32 ? 4 : 2;
  return reinterpret_cast<std::uintptr_t>(data) % 16 == 0 && stride * size % 16 == 0;
}

inline ConvProblem problem_of(const ConvCall& call, bool aligned) {
  int device = 0, multiprocessors = 1;
  cudaGetDevice(&device);
  cudaDeviceGetAttribute(&multiprocessors, cudaDevAttrMultiProcessorCount, device);
  return {.rows = call.layout.rows,
          .channels = call.channels,
          .groups = call.groups,
          .width = call.width,
          .dtype = call.dtype,
          .aligned = aligned,
          .multiprocessors = multiprocessors};
}

template <class... Parameters, class... Arguments>
inline cudaError_t launch_walk(void (*kernel)(Parameters...), const ConvCall& call, const ConvPlan& plan,
                               std::size_t memory, cudaStream_t stream, const Arguments&... arguments) {
  constexpr std::size_t kAlwaysAllowed = 48 << 10;
  if (memory > kAlwaysAllowed) {
    const cudaError_t error =
        cudaFuncSetAttribute(kernel, cudaFuncAttributeMaxDynamicSharedMemorySize, static_cast<int>(memory));
    if (error != cudaSuccess) return error;
  }
  const auto blocks = static_cast<unsigned>(plan.row_blocks * plan.group_blocks * call.groups);
  kernel<<<blocks, 32 * kConvWarps, memory, stream>>>(arguments...);
  return cudaGetLastError();
}

/// Calls body(type, vector, taps), the last two as integral constants, for the kernel that the plan means.
template <int kVectorBytes, class Body>
inline void with_kernel(DType dtype, const ConvPlan& plan, const Body& body) {
  const std::integral_constant<int, 1> single;
  with_type(dtype, [&](auto type) {
    using T = decltype(type);
    if constexpr (!std::is_same_v<T, double>) {
      const std::integral_constant<int, kConvTaps> taps;
      const std::integral_constant<int, kVectorBytes / static_cast<int>(sizeof(T))> vector;
      if (plan.taps == kConvTaps)
        return plan.vector > 1 ? body(type, vector, taps) : body(type, single, taps);
    }
    body(type, single, std::integral_constant<int, kConvGeneralTaps>());
  });
}

}  // namespace mabert::kernels
