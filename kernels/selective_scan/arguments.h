#pragma once

#include "kernels/selective_scan/params.h"

#include <cstdint>
#include <optional>
#include <tuple>
#include <vector>

#include <ATen/core/Tensor.h>

namespace mabert::kernels {

/// Inputs of the operators selective_scan and selective_scan_backward, in their order.
struct ScanTensors {
  at::Tensor u, delta, a, b, c;
  std::optional<at::Tensor> d, z, delta_bias, initial_state;

  /// Type of the state and of the sums.
  at::ScalarType accumulate_type() const { return u.scalar_type() == at::kDouble ? at::kDouble : at::kFloat; }
  /// The same in the memory layout that ScanParams describes: dense rows, A and the initial state transposed.
  ScanTensors arranged() const;
  /// Pointers into an arranged copy, which must outlive them; outputs are left null.
  ScanParams params(at::TensorList layout, std::int64_t reverse) const;
};

/// Outputs of the forward in the memory layout of ScanParams. cleared: rows start as zeros, because the
/// kernel writes only valid ones.
struct ScanResults {
  ScanResults(const ScanTensors& inputs, ScanParams& params, bool save_states, bool cleared);
  std::tuple<at::Tensor, at::Tensor, at::Tensor> released() const;

  at::Tensor out, states, last_state;
};

/// The backward's outputs, with room for partial sums: `blocks` of dB and dC, `parts` of dA, dD and the
/// bias's gradient.
struct ScanGradientTensors {
  ScanGradientTensors(const ScanTensors& inputs, const ScanParams& params, std::int64_t blocks,
                      std::int64_t parts, bool cleared);
  ScanGradients pointers(const at::Tensor& grad_out) const;

  at::Tensor du, ddelta, dz, db, dc, da, dd, ddelta_bias, dinitial_state;
};

/// Gradients in the order and types of the inputs from summed ones: db, dc (rows, groups, state_size), da
/// (state_size, channels), dd and ddelta_bias (channels).
std::vector<at::Tensor> finish_scan_gradients(const ScanTensors& inputs, const ScanGradientTensors& gradients,
                                              const at::Tensor& db, const at::Tensor& dc,
                                              const at::Tensor& da, const at::Tensor& dd,
                                              const at::Tensor& ddelta_bias);

}  // namespace mabert::kernels
