#include "mabert/nn/norm.h"

#include <ATen/ops/layer_norm.h>
#include <ATen/ops/ones.h>
#include <ATen/ops/rms_norm.h>
#include <ATen/ops/zeros.h>

namespace mabert::nn {

NormImpl::NormImpl(std::int64_t width, const NormOptions& options) : width_(width), options_(options) {
  weight_ = register_parameter("weight", at::ones({width}));
  if (options.type == NormType::layer) bias_ = register_parameter("bias", at::zeros({width}));
}

at::Tensor NormImpl::forward(const at::Tensor& x) {
  const at::Tensor weight =
      weight_as(weight_, x.scalar_type());  // the kernels take one dtype; their statistics are wider
  const at::Tensor out = bias_.defined() ? at::layer_norm(x, {width_}, weight,
                                                          weight_as(bias_, x.scalar_type()), options_.epsilon)
                                         : at::rms_norm(x, {width_}, weight, options_.epsilon);
  return to_compute(out);  // (T, D)
}

Initializer NormImpl::initializer(const std::string& name) const {
  return ConstantInitializer{name == "weight" ? 1.0 : 0.0};
}

}  // namespace mabert::nn
