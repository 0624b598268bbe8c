#pragma once

#include <cstdint>

#include <torch/nn/pimpl.h>

#include "mabert/nn/module_base.h"
#include "mabert/nn/norm_options.h"

namespace mabert::nn {

/// LayerNorm: (x - mean) / √(var + ε) ⊙ weight + bias; RMSNorm: x / √(mean(x²) + ε) ⊙ weight, over the last
/// dimension. x (T, D) to (T, D) in the compute dtype; statistics fp32 (fp64 for fp64). Source: Ba et al.
/// 2016, equation 4; Zhang & Sennrich 2019, equation 4.
class NormImpl : public ModuleBase {
 public:
  NormImpl(std::int64_t width, const NormOptions& options);
  at::Tensor forward(const at::Tensor& x);
  Initializer initializer(const std::string& name) const override;

 private:
  std::int64_t width_;
  NormOptions options_;
  at::Tensor weight_, bias_;
};
TORCH_MODULE(Norm);

}  // namespace mabert::nn
