#pragma once

#include "benchmarks/harness/measure.h"

#include <memory>

#include <ATen/core/Tensor.h>
#include <ATen/core/grad_mode.h>
#include <torch/csrc/autograd/function.h>

namespace mabert::bench {

/// The backward of the operator that made `out`, as autograd calls it (saved tensors, casts and sums
/// included) but without the engine around it: it stays the same whatever the operator saves for itself.
class BackwardCall {
 public:
  explicit BackwardCall(const at::Tensor& out) : node_(out.grad_fn()), output_(out.output_nr()) {}

  Outputs operator()(const at::Tensor& grad) const {
    const at::NoGradGuard no_grad;
    torch::autograd::variable_list grads(node_->num_inputs());
    grads[output_] = grad;
    return (*node_)(std::move(grads));
  }

 private:
  std::shared_ptr<torch::autograd::Node> node_;
  std::uint32_t output_;
};

}  // namespace mabert::bench
