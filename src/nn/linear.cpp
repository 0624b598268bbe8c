#include "mabert/nn/linear.h"

#include <ATen/ops/embedding.h>
#include <ATen/ops/zeros.h>

#include "mabert/ops/linear.h"

namespace mabert::nn {

WeightsImpl::WeightsImpl(std::int64_t rows, std::int64_t columns, const WeightsSettings& settings)
    : settings_(settings) {
  weight = register_parameter("weight", at::zeros({rows, columns}));
  if (settings.bias) bias = register_parameter("bias", at::zeros({rows}));
}

Initializer WeightsImpl::initializer(const std::string& name) const {
  return name == "weight" ? settings_.weight_initializer : settings_.bias_initializer;
}

at::Tensor LinearImpl::forward(const at::Tensor& x) {
  const at::Tensor compute_bias = bias.defined() ? compute_weight(bias) : at::Tensor();
  return ops::linear(to_compute(x), compute_weight(weight), compute_bias);  // (T, out)
}

at::Tensor gather_rows(const at::Tensor& x, const at::Tensor& index) { return at::embedding(x, index); }

}  // namespace mabert::nn
