#include "kernels/causal_conv1d/arguments.h"

#include "kernels/common/layout_tensors.h"

namespace mabert::kernels {

ConvTensors ConvTensors::arranged() const {
  ConvTensors copy{with_dense_rows(x), weight.to(accumulate_type()).t().contiguous(), std::nullopt};
  if (bias.has_value()) copy.bias = bias->to(accumulate_type()).contiguous();
  return copy;
}

ConvParams ConvTensors::params(at::TensorList layout, std::int64_t groups, std::int64_t reverse) const {
  return {.layout = view_layout(layout),
          .channels = x.size(1),
          .width = weight.size(0),
          .groups = groups,
          .reverse = static_cast<std::uint64_t>(reverse),
          .x = x.const_data_ptr(),
          .x_stride = x.stride(0),
          .weight = weight.const_data_ptr(),
          .bias = bias.has_value() ? bias->const_data_ptr() : nullptr,
          .out = nullptr};
}

std::vector<at::Tensor> ConvTensors::finish(const at::Tensor& dx, const at::Tensor& dweight) const {
  const std::int64_t width = weight.size(1);
  return {dx, dweight.narrow(0, 0, width).t().contiguous().to(weight.scalar_type()),
          bias.has_value() ? dweight.select(0, width).to(bias->scalar_type()) : at::Tensor()};
}

}  // namespace mabert::kernels
