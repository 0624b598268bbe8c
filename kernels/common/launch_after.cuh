#pragma once

#include <cuda_runtime.h>

namespace mabert::kernels {

/// Launches a kernel that may start before the previous one of the stream has ended, where the device can:
/// the kernel itself waits (griddepcontrol.wait) before it reads what the previous one writes.
template <class... Parameters, class... Arguments>
inline cudaError_t launch_after(void (*kernel)(Parameters...), dim3 grid, dim3 block, cudaStream_t stream,
                                const Arguments&... arguments) {
  cudaFuncAttributes compiled{};
  const cudaError_t error = cudaFuncGetAttributes(&compiled, reinterpret_cast<const void*>(kernel));
  if (error != cudaSuccess) return error;
  cudaLaunchAttribute attribute{};
  attribute.id = cudaLaunchAttributeProgrammaticStreamSerialization;
  attribute.val.programmaticStreamSerializationAllowed = 1;
  cudaLaunchConfig_t config{};
  config.gridDim = grid;
  config.blockDim = block;
  config.stream = stream;
  config.attrs = &attribute;
  config.numAttrs = compiled.ptxVersion >= 90 ? 1 : 0;  // only code for these devices waits
  return cudaLaunchKernelEx(&config, kernel, static_cast<Parameters>(arguments)...);
}

}  // namespace mabert::kernels
