#include "kernels/causal_conv1d/backward.cuh"
#include "kernels/causal_conv1d/launch.cuh"
#include "kernels/causal_conv1d/weight_sum.cuh"
#include "kernels/common/launch_after.cuh"

namespace mabert::kernels {

ConvPlan conv_backward_plan(const ConvCall& call, const ConvOutputGradient& grad_out) {
  const bool aligned = rows_aligned(call.x, call.x_stride, call.dtype) &&
                       rows_aligned(grad_out.data, grad_out.stride, call.dtype);
  return plan_convolution(problem_of(call, aligned), kConvBackwardTuning);
}

cudaError_t conv_backward_cuda(const ConvCall& call, const ConvOutputGradient& grad_out,
                               const ConvGradientOutputs& outputs, const ConvPlan& plan,
                               cudaStream_t stream) {
  if (call.channels == 0) return cudaSuccess;
  if (plan.row_blocks > 0) {
    cudaError_t error = cudaSuccess;
    with_kernel<kConvBackwardTuning.vector_bytes>(call.dtype, plan, [&](auto type, auto vector, auto taps) {
      using T = decltype(type);
      constexpr int kVector = decltype(vector)::value, kTaps = decltype(taps)::value;
      constexpr int kBlocks = kVector > 1 ? kConvBackwardTuning.blocks_per_processor : 1;
      error = launch_walk(conv_backward_kernel<T, kVector, kTaps, kBlocks>, call, plan,
                          backward_memory<T, kVector, kTaps>() + tap_counts_bytes(plan), stream, call, plan,
                          grad_out, outputs);
    });
    if (error != cudaSuccess) return error;
  }
  const auto sum = call.dtype == DType::f64 ? conv_weight_sum_kernel<double> : conv_weight_sum_kernel<float>;
  const dim3 grid(blocks_for(call.channels, kSumChannels), static_cast<unsigned>(call.width + 1));
  return launch_after(sum, grid, kSumChannels * kSumSlices, stream, call, outputs, plan.row_blocks);
}

}  // namespace mabert::kernels
