#include "mabert/nn/module_base.h"

#include <functional>
#include <vector>

#include <ATen/ops/constant_pad_nd.h>
#include <c10/core/GradMode.h>

#include "mabert/core/error.h"

namespace mabert::nn {
namespace {

// Cast, with rows of zeros at its end where it has fewer than `rows`.
at::Tensor made_weight(const at::Tensor& parameter, at::ScalarType dtype, std::int64_t rows) {
  const at::Tensor weight = parameter.to(dtype);
  const std::int64_t missing = rows - weight.size(0);
  if (missing <= 0) return weight;
  std::vector<std::int64_t> padding(2 * static_cast<std::size_t>(weight.dim()), 0);
  padding.back() = missing;
  return at::constant_pad_nd(weight, padding, 0);
}

void for_each_module(torch::nn::Module& model, const std::function<void(ModuleBase&)>& function) {
  model.apply([&](torch::nn::Module& module) {
    if (auto* ours = dynamic_cast<ModuleBase*>(&module)) function(*ours);
  });
}

}  // namespace

void ModuleBase::cache_weights(bool on) {
  caches_weights_ = on;
  weights_.clear();
}

Initializer ModuleBase::initializer(const std::string& /*name*/) const { return NormalInitializer{}; }

at::Tensor ModuleBase::compute_weight(const at::Tensor& parameter, std::int64_t rows) const {
  return weight_as(parameter, compute_dtype_ == at::kFloat ? parameter.scalar_type() : compute_dtype_, rows);
}

at::Tensor ModuleBase::weight_as(const at::Tensor& parameter, at::ScalarType dtype, std::int64_t rows) const {
  if (!caches_weights_ || c10::GradMode::is_enabled()) return made_weight(parameter, dtype, rows);
  at::Tensor& kept = weights_[{parameter.unsafeGetTensorImpl(), dtype, rows}];
  if (!kept.defined()) kept = made_weight(parameter, dtype, rows);
  return kept;
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
  for_each_module(model, [&](ModuleBase& module) { module.set_compute_dtype(dtype); });
}

void cache_compute_weights(torch::nn::Module& model, bool on) {
  for_each_module(model, [&](ModuleBase& module) { module.cache_weights(on); });
}

}  // namespace mabert::nn
