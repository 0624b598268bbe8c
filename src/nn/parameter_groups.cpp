#include "mabert/nn/parameter_groups.h"

namespace mabert::nn {

bool is_decayed(const std::string& parameter_name, const at::Tensor& parameter) {
  if (parameter.dim() < 2) return false;
  const auto ends_with = [&](std::string_view end) {
    return std::string_view(parameter_name).ends_with(end);
  };
  return !ends_with("A_log") && !ends_with("positions.weight");
}

}  // namespace mabert::nn
