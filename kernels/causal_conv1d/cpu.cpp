#include "kernels/causal_conv1d/cpu.h"

#include "kernels/causal_conv1d/arguments.h"
#include "kernels/common/layout_tensors.h"
#include "kernels/common/sum_parts.h"

#include <ATen/Parallel.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/zeros.h>
#include <torch/library.h>

namespace mabert::kernels {
namespace {

constexpr std::int64_t kRowGrain = 32;

at::Tensor forward(const at::Tensor& x, const at::Tensor& weight, const std::optional<at::Tensor>& bias,
                   at::TensorList layout, std::int64_t groups, std::int64_t reverse) {
  const ConvTensors inputs = ConvTensors{x, weight, bias}.arranged();
  ConvParams params = inputs.params(layout, groups, reverse);
  const at::Tensor out = at::empty(x.sizes(), x.options().memory_format(at::MemoryFormat::Contiguous));
  params.out = out.mutable_data_ptr();
  if (x.scalar_type() == at::kDouble) {
    conv_forward_double(params);
    return out;
  }
  at::parallel_for(0, params.layout.rows, kRowGrain,
                   [&](std::int64_t first, std::int64_t last) { conv_forward_float(params, first, last); });
  return out;
}

std::vector<at::Tensor> backward(const at::Tensor& grad_out, const at::Tensor& x, const at::Tensor& weight,
                                 const std::optional<at::Tensor>& bias, at::TensorList layout,
                                 std::int64_t groups, std::int64_t reverse) {
  const ConvTensors original{x, weight, bias}, inputs = original.arranged();
  const ConvParams params = inputs.params(layout, groups, reverse);
  const at::Tensor grad = with_dense_rows(grad_out);
  const std::int64_t rows = params.layout.rows;
  const bool is_float = x.scalar_type() == at::kFloat;
  const std::int64_t parts = is_float ? (rows + kConvPartRows - 1) / kConvPartRows : 1;
  const at::Tensor dx = is_float ? at::empty({rows, params.channels}, x.options())
                                 : at::zeros({rows, params.channels}, x.options());
  const at::Tensor dpre = at::empty({is_float ? rows : 0, params.channels}, x.options());
  const at::Tensor dweight = at::zeros({parts, params.width + 1, params.channels}, x.options());
  const ConvGradients gradients{.grad_out = grad.const_data_ptr(),
                                .grad_out_stride = grad.stride(0),
                                .dpre = dpre.mutable_data_ptr(),
                                .dx = dx.mutable_data_ptr(),
                                .dweight = dweight.mutable_data_ptr()};
  if (!is_float) {
    conv_backward_double(params, gradients);
    return original.finish(dx, dweight[0]);
  }
  at::parallel_for(0, parts, 1, [&](std::int64_t first, std::int64_t last) {
    for (std::int64_t part = first; part < last; ++part) conv_weight_gradient_float(params, gradients, part);
  });
  at::parallel_for(0, rows, kRowGrain, [&](std::int64_t first, std::int64_t last) {
    conv_input_gradient_float(params, gradients, first, last);
  });
  return original.finish(dx, sum_parts(dweight));
}

}  // namespace

TORCH_LIBRARY_IMPL(mabert, CPU, m) {
  m.impl("causal_conv1d", &forward);
  m.impl("causal_conv1d_backward", &backward);
}

}  // namespace mabert::kernels
