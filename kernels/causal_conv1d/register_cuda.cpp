#include "kernels/causal_conv1d/arguments.h"
#include "kernels/causal_conv1d/cuda.h"
#include "kernels/common/cuda_tensors.h"
#include "kernels/common/layout_tensors.h"

#include <torch/library.h>

namespace mabert::kernels {
namespace {

at::Tensor forward(const at::Tensor& x, const at::Tensor& weight, const std::optional<at::Tensor>& bias,
                   at::TensorList layout, std::int64_t groups, std::int64_t reverse) {
  const c10::cuda::CUDAGuard guard(x.device());
  const ConvTensors inputs = ConvTensors{x, weight, bias}.arranged();
  ConvParams params = inputs.params(layout, groups, reverse);
  const at::Tensor out = at::empty({params.layout.rows, params.channels}, x.options());
  params.out = out.mutable_data_ptr();
  C10_CUDA_CHECK(conv_forward_cuda(params, dtype_of(x), current_stream()));
  return out;
}

std::vector<at::Tensor> backward(const at::Tensor& grad_out, const at::Tensor& x, const at::Tensor& weight,
                                 const std::optional<at::Tensor>& bias, at::TensorList layout,
                                 std::int64_t groups, std::int64_t reverse) {
  const c10::cuda::CUDAGuard guard(x.device());
  const ConvTensors original{x, weight, bias}, inputs = original.arranged();
  const ConvParams params = inputs.params(layout, groups, reverse);
  const at::Tensor grad = with_dense_rows(grad_out);
  const std::int64_t rows = params.layout.rows;
  const at::TensorOptions sums = x.options().dtype(inputs.accumulate_type());
  const at::Tensor dx = at::empty({rows, params.channels}, x.options());
  const at::Tensor dpre = at::empty({rows, params.channels}, sums);
  const at::Tensor dweight = at::empty(
      {(rows + kConvPartRowsCuda - 1) / kConvPartRowsCuda, params.width + 1, params.channels}, sums);
  const ConvGradients gradients{.grad_out = grad.const_data_ptr(),
                                .grad_out_stride = grad.stride(0),
                                .dpre = dpre.mutable_data_ptr(),
                                .dx = dx.mutable_data_ptr(),
                                .dweight = dweight.mutable_data_ptr()};
  C10_CUDA_CHECK(conv_backward_cuda(params, gradients, dtype_of(x), current_stream()));
  return original.finish(dx, sum_parts_on_device(dweight));
}

}  // namespace

TORCH_LIBRARY_IMPL(mabert, CUDA, m) {
  m.impl("causal_conv1d", &forward);
  m.impl("causal_conv1d_backward", &backward);
}

}  // namespace mabert::kernels
