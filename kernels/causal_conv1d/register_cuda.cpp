#include "kernels/causal_conv1d/cuda.h"
#include "kernels/common/cuda_tensors.h"
#include "kernels/common/layout_tensors.h"

#include <optional>
#include <vector>

#include <torch/library.h>

namespace mabert::kernels {
namespace {

/// The inputs as ConvCall describes them: dense rows, contiguous parameters.
struct ConvInputs {
  at::Tensor x, weight;
  std::optional<at::Tensor> bias;

  ConvInputs(const at::Tensor& x_, const at::Tensor& weight_, const std::optional<at::Tensor>& bias_)
      : x(with_dense_rows(x_)), weight(weight_.contiguous()) {
    if (bias_.has_value()) bias = bias_->contiguous();
  }

  ConvCall call(at::TensorList layout, std::int64_t groups, std::int64_t reverse) const {
    return {.layout = view_layout(layout),
            .channels = x.size(1),
            .groups = groups,
            .reverse = static_cast<std::uint64_t>(reverse),
            .width = static_cast<int>(weight.size(1)),
            .dtype = dtype_of(x),
            .weight_dtype = dtype_of(weight),
            .bias_dtype = bias.has_value() ? dtype_of(*bias) : dtype_of(weight),
            .x = x.const_data_ptr(),
            .x_stride = x.stride(0),
            .weight = weight.const_data_ptr(),
            .bias = bias.has_value() ? bias->const_data_ptr() : nullptr};
  }
};

at::Tensor forward(const at::Tensor& x, const at::Tensor& weight, const std::optional<at::Tensor>& bias,
                   at::TensorList layout, std::int64_t groups, std::int64_t reverse) {
  const c10::cuda::CUDAGuard guard(x.device());
  const ConvInputs inputs(x, weight, bias);
  const at::Tensor out = at::empty({x.size(0), x.size(1)}, x.options());
  C10_CUDA_CHECK(
      conv_forward_cuda(inputs.call(layout, groups, reverse), out.mutable_data_ptr(), current_stream()));
  return out;
}

std::vector<at::Tensor> backward(const at::Tensor& grad_out, const at::Tensor& x, const at::Tensor& weight,
                                 const std::optional<at::Tensor>& bias, at::TensorList layout,
                                 std::int64_t groups, std::int64_t reverse) {
  const c10::cuda::CUDAGuard guard(x.device());
  const ConvInputs inputs(x, weight, bias);
  const ConvCall call = inputs.call(layout, groups, reverse);
  const at::Tensor grad = with_dense_rows(grad_out);
  const ConvOutputGradient out_gradient{grad.const_data_ptr(), grad.stride(0)};
  const ConvPlan plan = conv_backward_plan(call, out_gradient);
  const auto sums = x.options().dtype(x.scalar_type() == at::kDouble ? at::kDouble : at::kFloat);
  const at::Tensor parts = at::empty({plan.row_blocks, weight.size(1) + 1, x.size(1)}, sums);
  const at::Tensor dx = at::empty({x.size(0), x.size(1)}, x.options());
  const at::Tensor dweight = at::empty(weight.sizes(), inputs.weight.options());
  const at::Tensor dbias =
      bias.has_value() ? at::empty(inputs.bias->sizes(), inputs.bias->options()) : at::Tensor();
  const ConvGradientOutputs outputs{.dx = dx.mutable_data_ptr(),
                                    .parts = parts.mutable_data_ptr(),
                                    .dweight = dweight.mutable_data_ptr(),
                                    .dbias = bias.has_value() ? dbias.mutable_data_ptr() : nullptr};
  C10_CUDA_CHECK(conv_backward_cuda(call, out_gradient, outputs, plan, current_stream()));
  return {dx, dweight, dbias};
}

}  // namespace

TORCH_LIBRARY_IMPL(mabert, CUDA, m) {
  m.impl("causal_conv1d", &forward);
  m.impl("causal_conv1d_backward", &backward);
}

}  // namespace mabert::kernels
