#pragma once

#include <string>

#include <ATen/core/Tensor.h>

namespace mabert::nn {

/// Whether weight decay applies: to matrices, but not to biases, norms, A_log, D and positions.
bool is_decayed(const std::string& parameter_name, const at::Tensor& parameter);

}  // namespace mabert::nn
