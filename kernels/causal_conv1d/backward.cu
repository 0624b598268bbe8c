#include "kernels/causal_conv1d/backward.cuh"
#include "kernels/causal_conv1d/launch.cuh"
#include "kernels/causal_conv1d/weight_sum.cuh"

namespace mabert::kernels {
namespace {

/// Where the device can, the launch overlaps the end of the walk.
template <class Kernel>
cudaError_t launch_weight_sum(Kernel* kernel, const ConvCall& call, const ConvGradientOutputs& outputs,
                              const ConvPlan& plan, cudaStream_t stream) {
  int device = 0, major = 0;
  if (const cudaError_t error = cudaGetDevice(&device); error != cudaSuccess) return error;
  if (const cudaError_t error = cudaDeviceGetAttribute(&major, cudaDevAttrComputeCapabilityMajor, device);
      error != cudaSuccess)
    return error;
  cudaLaunchAttribute overlap{};
  overlap.id = cudaLaunchAttributeProgrammaticStreamSerialization;
  overlap.val.programmaticStreamSerializationAllowed = 1;
  cudaLaunchConfig_t config{};
  config.gridDim = dim3(blocks_for(call.channels, kSumChannels), static_cast<unsigned>(call.width + 1));
  config.blockDim = dim3(kSumChannels * kSumSlices);
  config.stream = stream;
  config.attrs = &overlap;
  config.numAttrs = major >= 9 ? 1 : 0;
  return cudaLaunchKernelEx(&config, kernel, call, outputs, plan.row_blocks);
}

}  // namespace

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
  return launch_weight_sum(sum, call, outputs, plan, stream);
}

}  // namespace mabert::kernels
