#include "kernels/causal_conv1d/forward.cuh"
#include "kernels/causal_conv1d/launch.cuh"

namespace mabert::kernels {

cudaError_t conv_forward_cuda(const ConvCall& call, void* out, cudaStream_t stream) {
  if (call.layout.rows * call.channels == 0) return cudaSuccess;
  const ConvPlan plan =
      plan_convolution(problem_of(call, rows_aligned(call.x, call.x_stride, call.dtype)), kConvForwardTuning);
  cudaError_t error = cudaSuccess;
  with_kernel<kConvForwardTuning.vector_bytes>(call.dtype, plan, [&](auto type, auto vector, auto taps) {
    using T = decltype(type);
    constexpr int kVector = decltype(vector)::value, kTaps = decltype(taps)::value;
    constexpr int kBlocks = kVector > 1 ? kConvForwardTuning.blocks_per_processor : 1;
    error =
        launch_walk(conv_forward_kernel<T, kVector, kTaps, kBlocks>, call, plan,
                    RowRing<T, kVector, kTaps, 1>::kBytes + tap_counts_bytes(plan), stream, call, plan, out);
  });
  return error;
}

}  // namespace mabert::kernels
