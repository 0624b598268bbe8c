#pragma once

#include "kernels/causal_conv1d/launch_plan.h"
#include "kernels/causal_conv1d/params.h"
#include "kernels/common/dtype.h"

#include <cuda_runtime_api.h>

namespace mabert::kernels {

/// A causal convolution with SiLU as the CUDA kernels see it: T marks the type of x. Source: own.
struct ConvCall {
  LayoutView layout;
  std::int64_t channels, groups;
  std::uint64_t reverse;  // bit g: group g is mirrored in time
  int width;
  DType dtype, weight_dtype, bias_dtype;  // of x, of weight and its gradient, of bias and its gradient
  const void* x;                          // T (rows, channels), stride below
  std::int64_t x_stride;
  const void* weight;  // (channels, width)
  const void* bias;    // (channels) or null
};

struct ConvOutputGradient {
  const void* data;  // T (rows, channels), stride below
  std::int64_t stride;
};

struct ConvGradientOutputs {
  void* dx;       // T (rows, channels)
  void* parts;    // scratch: A (row blocks of the plan, width + 1, channels), A is double with double x, else
                  // float
  void* dweight;  // (channels, width)
  void* dbias;    // (channels) or null
};

/// out: T (rows, channels), 0 at invalid rows. Here and in the backward pass, what invalid rows hold is not
/// read.
cudaError_t conv_forward_cuda(const ConvCall& call, void* out, cudaStream_t stream);

ConvPlan conv_backward_plan(const ConvCall& call, const ConvOutputGradient& grad_out);
cudaError_t conv_backward_cuda(const ConvCall& call, const ConvOutputGradient& grad_out,
                               const ConvGradientOutputs& outputs, const ConvPlan& plan, cudaStream_t stream);

}  // namespace mabert::kernels
