#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <tuple>

#include <torch/nn/module.h>

#include "mabert/nn/initializer.h"

namespace mabert::nn {

/// What every module of MaBERT shares: how it reads its weights and how they start.
class ModuleBase : public torch::nn::Module {
 public:
  void set_compute_dtype(at::ScalarType dtype) { compute_dtype_ = dtype; }
  /// See cache_compute_weights.
  void cache_weights(bool on);

  /// How the parameter that this module registered under `name` starts.
  virtual Initializer initializer(const std::string& name) const;

 protected:
  /// A weight as the arithmetic wants it: recorded casts to the compute dtype. The one way by which modules
  /// read the weights of matrix products and convolutions. `rows`, if larger than the weight's, appends rows
  /// of zeros.
  at::Tensor compute_weight(const at::Tensor& parameter, std::int64_t rows = 0) const;
  /// The same in a dtype of the module's choice.
  at::Tensor weight_as(const at::Tensor& parameter, at::ScalarType dtype, std::int64_t rows = 0) const;

  /// An activation in the compute dtype; unchanged where that is float32 (so a float64 model stays float64).
  at::Tensor to_compute(const at::Tensor& x) const;

 private:
  using WeightKey = std::tuple<const void*, at::ScalarType, std::int64_t>;  // parameter, dtype, rows

  at::ScalarType compute_dtype_ = at::kFloat;
  bool caches_weights_ = false;
  mutable std::map<WeightKey, at::Tensor> weights_;
};

/// x in the precision of statistics, scores and scan parameters: float64 stays, everything else becomes
/// float32.
at::Tensor to_wide(const at::Tensor& x);

/// The dtype in which every module of `model` computes; its parameters stay as they are. Errors: UsageError
/// for anything but float32, bfloat16 and float16.
void set_compute_dtype(torch::nn::Module& model, at::ScalarType dtype);

/// Whether the modules of `model` keep the weights as their arithmetic wants them, instead of casting them
/// anew in every forward pass: for inference. The results are the same while the parameters do not change;
/// after a change, call it again, which forgets what was kept. Passes that record gradients never use the
/// cache. Not for passes on several threads at once.
void cache_compute_weights(torch::nn::Module& model, bool on);

}  // namespace mabert::nn
