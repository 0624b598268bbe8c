#pragma once

#include <cstdint>

#include <torch/nn/pimpl.h>

#include "mabert/nn/module_base.h"

namespace mabert::nn {

struct WeightsSettings {
  bool bias = true;
  Initializer weight_initializer = NormalInitializer{};
  Initializer bias_initializer = ConstantInitializer{0};
};

/// A weight (rows, columns) and, if wanted, a bias (rows), with how they start; used by the module that owns
/// it.
class WeightsImpl : public ModuleBase {
 public:
  WeightsImpl(std::int64_t rows, std::int64_t columns, const WeightsSettings& settings = {});
  Initializer initializer(const std::string& name) const override;

  at::Tensor weight, bias;

 private:
  WeightsSettings settings_;
};
TORCH_MODULE(Weights);

/// out = x weightᵀ + bias; x (T, in) to (T, out) in the compute dtype.
class LinearImpl : public WeightsImpl {
 public:
  LinearImpl(std::int64_t in, std::int64_t out, const WeightsSettings& settings = {})
      : WeightsImpl(out, in, settings) {}
  at::Tensor forward(const at::Tensor& x);
};
TORCH_MODULE(Linear);

/// rows[i] = x[index[i]]; x (T, D), index (P) int32. Its gradient is deterministic on every device.
at::Tensor gather_rows(const at::Tensor& x, const at::Tensor& index);

}  // namespace mabert::nn
