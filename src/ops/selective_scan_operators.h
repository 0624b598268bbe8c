#pragma once

#include <cstdint>
#include <optional>
#include <tuple>
#include <vector>

#include <ATen/core/Tensor.h>

namespace mabert::ops {

using OptionalTensor = std::optional<at::Tensor>;

using SelectiveScanSignature = std::tuple<at::Tensor, at::Tensor, at::Tensor>(
    const at::Tensor& u, const at::Tensor& delta, const at::Tensor& a, const at::Tensor& b,
    const at::Tensor& c, const OptionalTensor& d, const OptionalTensor& z, const OptionalTensor& delta_bias,
    const OptionalTensor& initial_state, at::TensorList layout, std::int64_t max_length, std::int64_t reverse,
    std::int64_t save_every, bool wide_states, bool last_state);

using SelectiveScanBackwardSignature = std::vector<at::Tensor>(
    const at::Tensor& grad_out, const at::Tensor& u, const at::Tensor& delta, const at::Tensor& a,
    const at::Tensor& b, const at::Tensor& c, const OptionalTensor& d, const OptionalTensor& z,
    const OptionalTensor& delta_bias, const OptionalTensor& initial_state, const at::Tensor& states,
    at::TensorList layout, std::int64_t max_length, std::int64_t reverse, std::int64_t save_every);

}  // namespace mabert::ops
