#pragma once

#include "kernels/causal_conv1d/params.h"

#include <cstdint>
#include <optional>
#include <vector>

#include <ATen/core/Tensor.h>

namespace mabert::kernels {

/// Inputs of the operators causal_conv1d and causal_conv1d_backward.
struct ConvTensors {
  at::Tensor x, weight;
  std::optional<at::Tensor> bias;

  at::ScalarType accumulate_type() const { return x.scalar_type() == at::kDouble ? at::kDouble : at::kFloat; }
  /// The same in the memory layout that ConvParams describes: dense rows, weight transposed and in the sums'
  /// type.
  ConvTensors arranged() const;
  /// Pointers into an arranged copy, which must outlive them; out is left null.
  ConvParams params(at::TensorList layout, std::int64_t groups, std::int64_t reverse) const;
  /// {dx, dweight, dbias} in the inputs' types from the summed (width + 1, channels) gradient.
  std::vector<at::Tensor> finish(const at::Tensor& dx, const at::Tensor& dweight) const;
};

}  // namespace mabert::kernels
