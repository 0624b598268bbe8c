#include "kernels/attention_pool/backward.cuh"
#include "kernels/attention_pool/forward.cuh"

namespace mabert::kernels {

cudaError_t pool_forward_cuda(const PoolParams& params, const PoolParts& parts, DType dtype,
                              cudaStream_t stream) {
  return launch_pool_forward<PoolForwardBlock>(params, parts, dtype, stream);
}

cudaError_t pool_backward_cuda(const PoolParams& params, const PoolGradients& gradients, void* sums,
                               DType dtype, cudaStream_t stream) {
  return launch_pool_backward<PoolBackwardBlock>(params, gradients, sums, dtype, stream);
}

}  // namespace mabert::kernels
