#include "mabert/ops/rotary.h"

#include "check.h"

#include <cmath>

#include <torch/csrc/autograd/custom_function.h>
#include <torch/library.h>

namespace mabert::ops {
namespace {

using torch::autograd::AutogradContext;
using torch::autograd::variable_list;
using Three = std::tuple<at::Tensor, at::Tensor, at::Tensor>;
using Signature = Three(const at::Tensor&, const at::Tensor&, double);
using BackwardSignature = at::Tensor(const at::Tensor&, const at::Tensor&, const at::Tensor&,
                                     const at::Tensor&, double);

Three call(const at::Tensor& qkv, const at::Tensor& positions, double base) {
  static const auto op = find_operator<Signature>("mabert::rotary");
  const at::AutoDispatchBelowADInplaceOrView guard;
  return op.call(qkv, positions, base);
}

// The values pass through, so that the backward writes the gradient of the whole product in one go.
struct Rotary : torch::autograd::Function<Rotary> {
  static variable_list forward(AutogradContext* ctx, const at::Tensor& qkv, const at::Tensor& positions,
                               double base) {
    ctx->save_for_backward({positions});
    ctx->saved_data["base"] = base;
    auto [q, k, v] = call(qkv, positions, base);
    return {q, k, v};
  }

  static variable_list backward(AutogradContext* ctx, const variable_list& grads) {
    static const auto op = find_operator<BackwardSignature>("mabert::rotary_backward");
    const variable_list in = ctx->get_saved_variables();
    return {op.call(grads[0], grads[1], grads[2], in[0], ctx->saved_data["base"].toDouble()), at::Tensor(),
            at::Tensor()};
  }
};

Three rotary_autograd(const at::Tensor& qkv, const at::Tensor& positions, double base) {
  if (!any_requires_grad({qkv})) return call(qkv, positions, base);
  const variable_list outputs = Rotary::apply(qkv, positions, base);
  return {outputs[0], outputs[1], outputs[2]};
}

}  // namespace

TORCH_LIBRARY_IMPL(mabert, Autograd, m) { m.impl("rotary", &rotary_autograd); }

std::tuple<at::Tensor, at::Tensor, at::Tensor> rotary(const at::Tensor& qkv, const at::Tensor& positions,
                                                      double base) {
  const ArgumentCheck check("rotary");
  check.dimensions("qkv", qkv, 4, "(T, 3, H, K)");
  check.that(qkv.size(1) == 3, "qkv", "3 parts", std::to_string(qkv.size(1)));
  check.that(qkv.size(3) % 2 == 0, "qkv", "an even head width", std::to_string(qkv.size(3)));
  check.floating("qkv", qkv);
  check.shape("positions", positions, {qkv.size(0)});
  check.dtype("positions", positions, at::kInt);
  check.device("positions", positions, qkv.device());
  check.that(base >= 1.0 && std::isfinite(base), "base", "a finite number of at least 1",
             std::to_string(base));
  static const auto op = find_operator<Signature>("mabert::rotary");
  return op.call(qkv, positions, base);
}

}  // namespace mabert::ops
