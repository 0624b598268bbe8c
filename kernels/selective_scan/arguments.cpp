#include "kernels/selective_scan/arguments.h"

#include "kernels/common/layout_tensors.h"

#include <ATen/ops/empty.h>
#include <ATen/ops/zeros.h>

namespace mabert::kernels {
namespace {

at::Tensor allocate(at::IntArrayRef shape, at::TensorOptions options, bool cleared) {
  return cleared ? at::zeros(shape, options) : at::empty(shape, options);
}

const void* pointer(const std::optional<at::Tensor>& tensor) {
  return tensor.has_value() ? tensor->const_data_ptr() : nullptr;
}

void* mutable_pointer(const at::Tensor& tensor) {
  return tensor.defined() ? tensor.mutable_data_ptr() : nullptr;
}

std::optional<at::Tensor> dense(const std::optional<at::Tensor>& tensor) {
  return tensor.has_value() ? std::optional(tensor->contiguous()) : std::nullopt;
}

}  // namespace

ScanTensors ScanTensors::arranged() const {
  ScanTensors copy;
  copy.u = with_dense_rows(u);
  copy.delta = with_dense_rows(delta);
  if (z.has_value()) copy.z = with_dense_rows(*z);
  copy.b = b.contiguous();
  copy.c = c.contiguous();
  copy.a = a.t().contiguous();
  copy.d = dense(d);
  copy.delta_bias = dense(delta_bias);
  if (initial_state.has_value()) copy.initial_state = initial_state->transpose(1, 2).contiguous();
  return copy;
}

ScanParams ScanTensors::params(at::TensorList layout, std::int64_t reverse) const {
  return {.layout = view_layout(layout),
          .channels = u.size(1),
          .state_size = b.size(2),
          .groups = b.size(1),
          .reverse = static_cast<std::uint64_t>(reverse),
          .u = u.const_data_ptr(),
          .delta = delta.const_data_ptr(),
          .z = pointer(z),
          .u_stride = u.stride(0),
          .delta_stride = delta.stride(0),
          .z_stride = z.has_value() ? z->stride(0) : 0,
          .b = b.const_data_ptr(),
          .c = c.const_data_ptr(),
          .b_stride = b.stride(0),
          .b_group_stride = b.stride(1),
          .c_stride = c.stride(0),
          .c_group_stride = c.stride(1),
          .a = a.const_data_ptr(),
          .d = pointer(d),
          .delta_bias = pointer(delta_bias),
          .initial_state = pointer(initial_state),
          .out = nullptr,
          .last_state = nullptr,
          .states = nullptr};
}

ScanResults::ScanResults(const ScanTensors& inputs, ScanParams& params, bool save_states, bool cleared) {
  const at::TensorOptions sums = inputs.u.options().dtype(inputs.accumulate_type());
  const LayoutView& layout = params.layout;
  out = allocate({layout.rows, params.channels}, inputs.u.options(), cleared);
  last_state = at::empty({layout.sequences, params.state_size, params.channels}, sums);
  const std::int64_t slots = save_states ? state_slots(layout.rows, layout.sequences) : 0;
  states = at::empty({slots, params.state_size, params.channels}, sums);
  params.out = out.mutable_data_ptr();
  params.last_state = last_state.mutable_data_ptr();
  params.states = save_states ? states.mutable_data_ptr() : nullptr;
}

std::tuple<at::Tensor, at::Tensor, at::Tensor> ScanResults::released() const {
  return {out, states, last_state.transpose(1, 2)};
}

ScanGradientTensors::ScanGradientTensors(const ScanTensors& inputs, const ScanParams& params,
                                         std::int64_t blocks, std::int64_t parts, bool cleared) {
  const at::TensorOptions sums = inputs.u.options().dtype(inputs.accumulate_type());
  const LayoutView& layout = params.layout;
  du = allocate({layout.rows, params.channels}, inputs.u.options(), cleared);
  ddelta = allocate({layout.rows, params.channels}, inputs.u.options(), cleared);
  if (inputs.z.has_value()) dz = allocate({layout.rows, params.channels}, inputs.u.options(), cleared);
  db = allocate({blocks, layout.rows, params.groups, params.state_size}, sums, cleared);
  dc = allocate({blocks, layout.rows, params.groups, params.state_size}, sums, cleared);
  da = allocate({parts, params.state_size, params.channels}, sums, cleared);
  dd = allocate({parts, params.channels}, sums, cleared);
  ddelta_bias = allocate({parts, params.channels}, sums, cleared);
  if (inputs.initial_state.has_value()) {
    dinitial_state = at::empty({layout.sequences, params.state_size, params.channels}, sums);
  }
}

ScanGradients ScanGradientTensors::pointers(const at::Tensor& grad_out) const {
  return {.grad_out = grad_out.const_data_ptr(),
          .grad_out_stride = grad_out.stride(0),
          .du = du.mutable_data_ptr(),
          .ddelta = ddelta.mutable_data_ptr(),
          .dz = mutable_pointer(dz),
          .db = db.mutable_data_ptr(),
          .dc = dc.mutable_data_ptr(),
          .da = da.mutable_data_ptr(),
          .dd = dd.mutable_data_ptr(),
          .ddelta_bias = ddelta_bias.mutable_data_ptr(),
          .dinitial_state = mutable_pointer(dinitial_state)};
}

std::vector<at::Tensor> finish_scan_gradients(const ScanTensors& inputs, const ScanGradientTensors& gradients,
                                              const at::Tensor& db, const at::Tensor& dc,
                                              const at::Tensor& da, const at::Tensor& dd,
                                              const at::Tensor& ddelta_bias) {
  const at::ScalarType type = inputs.u.scalar_type();
  const at::Tensor none;
  return {gradients.du,
          gradients.ddelta,
          da.t().contiguous(),
          db.to(type),
          dc.to(type),
          inputs.d.has_value() ? dd : none,
          gradients.dz,
          inputs.delta_bias.has_value() ? ddelta_bias : none,
          inputs.initial_state.has_value() ? gradients.dinitial_state.transpose(1, 2) : none};
}

}  // namespace mabert::kernels
