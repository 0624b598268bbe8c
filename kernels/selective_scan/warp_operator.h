#pragma once

#include "kernels/selective_scan/arguments.h"
#include "kernels/selective_scan/launch_plan.h"

#include <tuple>
#include <vector>

namespace mabert::kernels {

/// What decides the launch, from the operator's arguments.
ScanShape scan_shape(const ScanTensors& inputs, at::TensorList layout, std::int64_t max_length,
                     int multiprocessors);

/// The operator selective_scan through the warp kernels, for shapes that fit them: (out, states, last_state).
std::tuple<at::Tensor, at::Tensor, at::Tensor> forward_by_warps(const ScanTensors& inputs,
                                                                at::TensorList layout, const ScanShape& shape,
                                                                std::int64_t reverse, std::int64_t save_every,
                                                                bool wide_states, bool last_state);

/// Its backward: gradients in the order of the inputs.
std::vector<at::Tensor> backward_by_warps(const at::Tensor& grad_out, const ScanTensors& inputs,
                                          const at::Tensor& states, at::TensorList layout,
                                          const ScanShape& shape, std::int64_t reverse,
                                          std::int64_t save_every);

}  // namespace mabert::kernels
