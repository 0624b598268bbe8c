#include "kernels/selective_scan/warp_operator.h"

#include "kernels/common/cuda_tensors.h"
#include "kernels/common/layout_tensors.h"
#include "kernels/selective_scan/warp_launch.h"

#include <cstdint>
#include <limits>

#include <ATen/ops/empty.h>
#include <ATen/ops/empty_like.h>

namespace mabert::kernels {
namespace {

bool is_vector_aligned(const at::Tensor& x) {
  constexpr std::int64_t kVector = 16;
  return reinterpret_cast<std::uintptr_t>(x.const_data_ptr()) % kVector == 0;
}

/// x itself where its rows are dense, begin at whole vectors and lie within 32-bit steps, else a copy.
at::Tensor vector_rows(const at::Tensor& x) {
  const std::int64_t size = x.element_size(), last = x.dim() - 1;
  bool fits = is_vector_aligned(x) && (x.stride(last) == 1 || x.size(last) == 1);
  for (std::int64_t d = 0; d < last; ++d) {
    fits = fits && x.stride(d) * size % 16 == 0 &&
           x.stride(d) * size <= std::numeric_limits<std::int32_t>::max();
  }
  return fits ? x : x.clone(at::MemoryFormat::Contiguous);
}

at::Tensor dense(const at::Tensor& x) {
  const at::Tensor copy = x.contiguous();
  return is_vector_aligned(copy) ? copy : copy.clone();
}

std::optional<at::Tensor> dense(const std::optional<at::Tensor>& x) {
  return x.has_value() ? std::optional(dense(*x)) : std::nullopt;
}

ScanTensors arranged_for_warps(const ScanTensors& in) {
  ScanTensors copy;
  copy.u = vector_rows(in.u);
  copy.delta = vector_rows(in.delta);
  if (in.z.has_value()) copy.z = vector_rows(*in.z);
  copy.b = vector_rows(in.b);
  copy.c = vector_rows(in.c);
  copy.a = dense(in.a);
  copy.d = dense(in.d);
  copy.delta_bias = dense(in.delta_bias);
  copy.initial_state = dense(in.initial_state);
  return copy;
}

/// Scratch memory of a plan's chunks, kept alive by the tensors.
struct ChunkTensors {
  ChunkTensors(const ScanTensors& in, const ScanShape& shape, const ChunkPlan& plan) {
    if (plan.count == 1) return;
    const at::TensorOptions options = in.u.options().dtype(at::kFloat);
    states = at::empty({shape.sequences, plan.count, shape.channels, shape.state_size}, options);
    sums = at::empty({shape.sequences, plan.count, shape.channels}, options);
  }
  ChunkMemory memory() const {
    return states.defined() ? ChunkMemory{states.mutable_data_ptr<float>(), sums.mutable_data_ptr<float>()}
                            : ChunkMemory{nullptr, nullptr};
  }
  at::Tensor states, sums;
};

}  // namespace

ScanShape scan_shape(const ScanTensors& inputs, at::TensorList layout, std::int64_t max_length,
                     int multiprocessors) {
  return {.sequences = view_layout(layout).sequences,
          .max_length = max_length,
          .rows = inputs.u.size(0),
          .channels = inputs.u.size(1),
          .groups = inputs.b.size(1),
          .state_size = inputs.b.size(2),
          .dtype = dtype_of(inputs.u),
          .multiprocessors = multiprocessors};
}

std::tuple<at::Tensor, at::Tensor, at::Tensor> forward_by_warps(const ScanTensors& inputs,
                                                                at::TensorList layout, const ScanShape& shape,
                                                                std::int64_t reverse, std::int64_t save_every,
                                                                bool wide_states, bool last_state) {
  const ScanTensors in = arranged_for_warps(inputs);
  const at::TensorOptions options = in.u.options(), wide = options.dtype(at::kFloat);
  ScanParams params = in.params(layout, reverse);
  const bool save = save_every > 0;
  const std::int64_t interval = states_interval(save_every, params.layout.valid != nullptr);
  const std::int64_t slots = save ? states_slots(shape.rows, shape.sequences, interval) : 0;
  const at::Tensor out = at::empty({shape.rows, shape.channels}, options);
  const at::Tensor states =
      at::empty({slots, shape.channels, shape.state_size}, wide_states ? wide : options);
  const at::Tensor last =
      at::empty({last_state ? shape.sequences : 0, shape.channels, shape.state_size}, wide);
  params.out = out.mutable_data_ptr();
  params.states = save ? states.mutable_data_ptr() : nullptr;
  params.last_state = last_state ? last.mutable_data_ptr() : nullptr;
  if (shape.sequences == 0 || shape.channels == 0) return {out, states, last};

  const ForwardPlan plan = plan_forward(shape, save ? interval : 0, params.layout.valid != nullptr);
  const ChunkTensors chunks(in, shape, plan.chunks);
  C10_CUDA_CHECK(scan_forward_warps(params, plan, chunks.memory(), interval, shape.dtype, dtype_of(states),
                                    current_stream()));
  return {out, states, last};
}

std::vector<at::Tensor> backward_by_warps(const at::Tensor& grad_out, const ScanTensors& inputs,
                                          const at::Tensor& states, at::TensorList layout,
                                          const ScanShape& shape, std::int64_t reverse,
                                          std::int64_t save_every) {
  const ScanTensors in = arranged_for_warps(inputs);
  const at::Tensor grad = vector_rows(grad_out);
  const at::TensorOptions options = in.u.options(), wide = options.dtype(at::kFloat);
  ScanParams params = in.params(layout, reverse);
  params.states = states.mutable_data_ptr();
  const std::int64_t interval = states_interval(save_every, params.layout.valid != nullptr);
  const std::int64_t slots = states_slots(shape.rows, shape.sequences, interval);
  if (states.dim() != 3 || states.size(0) != slots) {
    throw UsageError("[selective_scan] states: expected " + std::to_string(slots) +
                     " that the forward saved, got " +
                     std::to_string(states.dim() == 3 ? states.size(0) : 0));
  }
  const BackwardPlan plan = plan_backward(shape, interval);
  const std::int64_t tile = 8 * plan.channels, width = shape.channels / shape.groups;

  const at::Tensor du = at::empty({shape.rows, shape.channels}, options), ddelta = at::empty_like(du);
  const at::Tensor dz = in.z.has_value() ? at::empty_like(du) : at::Tensor();
  const at::Tensor db = at::empty({shape.rows, shape.groups, shape.state_size}, options),
                   dc = at::empty_like(db);
  const at::Tensor dbc =
      at::empty({(width + tile - 1) / tile, shape.rows, shape.groups, 2, shape.state_size}, options);
  const at::Tensor sums = at::empty({plan.parts * plan.chunks.count, 18 * shape.channels}, wide);
  const at::Tensor totals = at::empty({18 * shape.channels}, wide);
  const at::Tensor dinitial = in.initial_state.has_value() ? at::empty_like(*in.initial_state) : at::Tensor();
  if (shape.sequences == 0 || shape.channels == 0) {
    for (const at::Tensor& sum : {totals, db, dc}) sum.zero_();
  } else {
    const ScanGradients gradients{
        .grad_out = grad.const_data_ptr(),
        .grad_out_stride = grad.stride(0),
        .du = du.mutable_data_ptr(),
        .ddelta = ddelta.mutable_data_ptr(),
        .dz = dz.defined() ? dz.mutable_data_ptr() : nullptr,
        .db = db.mutable_data_ptr(),
        .dc = dc.mutable_data_ptr(),
        .dbc = dbc.mutable_data_ptr(),
        .channel_sums = sums.mutable_data_ptr(),
        .dinitial_state = dinitial.defined() ? dinitial.mutable_data_ptr() : nullptr};
    const ChunkTensors chunks(in, shape, plan.chunks);
    C10_CUDA_CHECK(scan_backward_warps(params, gradients, plan, chunks.memory(), interval, shape.dtype,
                                       dtype_of(states), totals.mutable_data_ptr<float>(), current_stream()));
  }
  const at::Tensor none;
  const auto part = [&](std::int64_t first, std::int64_t count) {
    return totals.narrow(0, first * shape.channels, count * shape.channels);
  };
  return {du,
          ddelta,
          part(0, 16).view({shape.channels, shape.state_size}),
          db,
          dc,
          in.d.has_value() ? part(16, 1) : none,
          dz,
          in.delta_bias.has_value() ? part(17, 1) : none,
          dinitial};
}

}  // namespace mabert::kernels
