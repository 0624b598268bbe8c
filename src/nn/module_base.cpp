#include "mabert/nn/module_base.h"

#include <ATen/ops/constant_pad_nd.h>

#include "mabert/core/error.h"

namespace mabert::nn {

Initializer ModuleBase::initializer(const std::string& /*name*/) const { return NormalInitializer{}; }

at::Tensor ModuleBase::compute_weight(const at::Tensor& parameter, std::int64_t rows) const {
  const at::Tensor weight = to_compute(parameter);
  const std::int64_t missing = rows - weight.size(0);
  if (missing <= 0) return weight;
  std::vector<std::int64_t> padding(2 * static_cast<std::size_t>(weight.dim()), 0);
  padding.back() = missing;
  return at::constant_pad_nd(weight, padding, 0);
}

at::Tensor ModuleBase::to_compute(const at::Tensor& x) const {
  return compute_dtype_ == at::kFloat ? x : x.to(compute_dtype_);
}

at::Tensor to_wide(const at::Tensor& x) { return x.scalar_type() == at::kDouble ? x : x.to(at::kFloat); }

void set_compute_dtype(torch::nn::Module& model, at::ScalarType dtype) {
  if (dtype != at::kFloat && dtype != at::kBFloat16 && dtype != at::kHalf) {
    throw UsageError(std::string("[model] compute dtype: expected float32, bfloat16 or float16, got ") +
                     c10::toString(dtype));
  }
  model.apply([&](torch::nn::Module& module) {
    if (auto* ours = dynamic_cast<ModuleBase*>(&module)) ours->set_compute_dtype(dtype);
  });
}

}  // namespace mabert::nn
