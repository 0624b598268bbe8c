#pragma once

#include <cuda_runtime.h>

namespace mabert::kernels {

/// Launches a kernel that may start before the previous one of the stream has ended, where the device can:
/// the kernel itself waits (griddepcontrol.wait) before it reads what the previous one writes.
template <class... Parameters, class... Arguments>
inline cudaError_t launch_after(void (*kernel)(Parameters...), dim3 grid, dim3 block, cudaStream_t stream,
                                const Arguments&... arguments) {
  int device = 0, major = 0;
  cudaError_t error = cudaGetDevice(&device);
  if (error == cudaSuccess) error = cudaDeviceGetAttribute(&major, cudaDevAttrComputeCapabilityMajor, device);
  if (error != cudaSuccess) return error;
  cudaLaunchAttribute attribute{};
  attribute.id = cudaLaunchAttributeProgrammaticStreamSerialization;
  attribute.val.programmaticStreamSerializationAllowed = 1;
  cudaLaunchConfig_t config{};
  config.gridDim = grid;
  config.blockDim = block;
  config.stream = stream;
  config.attrs = &attribute;
  config.numAttrs = major >= 9 ? 1 : 0;
  return cudaLaunchKernelEx(&config, kernel, static_cast<Parameters>(arguments)...);
}

}  // namespace mabert::kernels
