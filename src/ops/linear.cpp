#include "mabert/ops/linear.h"

#include "check.h"

#include <optional>

#include <ATen/Context.h>
#include <ATen/core/LegacyTypeDispatch.h>
#include <ATen/core/dispatch/Dispatcher.h>
#include <ATen/ops/linear.h>
#include <torch/csrc/autograd/custom_function.h>

namespace mabert::ops {
namespace {

using torch::autograd::AutogradContext;
using torch::autograd::variable_list;

using LinearSignature = at::Tensor(const at::Tensor&, const at::Tensor&, const std::optional<at::Tensor>&,
                                   c10::string_view, c10::List<std::optional<at::Scalar>>,
                                   std::optional<c10::string_view>);

// Below this many multiplications the set-up of a oneDNN primitive costs more than it wins.
constexpr std::int64_t kWorthwhile = 1 << 20;

const std::optional<c10::OperatorHandle>& onednn_linear() {
  static const auto found = at::globalContext().hasMKLDNN()
                                ? c10::Dispatcher::singleton().findSchema({"mkldnn::_linear_pointwise", ""})
                                : std::nullopt;
  return found;
}

// oneDNN has fast paths for dense rows and dense columns only; anything else it computes a hundred times
// slower.
at::Tensor dense(const at::Tensor& x) {
  return x.is_contiguous() || x.t().is_contiguous() ? x : x.contiguous();
}

at::Tensor product(const at::Tensor& x, const at::Tensor& weight, const std::optional<at::Tensor>& bias) {
  const bool worthwhile = x.size(0) * x.size(1) * weight.size(0) >= kWorthwhile;
  if (!worthwhile || !at::globalContext().userEnabledMkldnn()) return at::linear(x, weight, bias);
  return onednn_linear()->typed<LinearSignature>().call(dense(x), dense(weight), bias, "none",
                                                        c10::List<std::optional<at::Scalar>>(), std::nullopt);
}

struct OneDnnLinear : torch::autograd::Function<OneDnnLinear> {
  static at::Tensor forward(AutogradContext* ctx, const at::Tensor& x, const at::Tensor& weight,
                            const std::optional<at::Tensor>& bias) {
    ctx->save_for_backward({x, weight});
    ctx->saved_data["bias"] = bias.has_value();
    const at::AutoDispatchBelowADInplaceOrView guard;
    return product(x, weight, bias);
  }

  static variable_list backward(AutogradContext* ctx, const variable_list& gradients) {
    const variable_list saved = ctx->get_saved_variables();
    const at::Tensor& x = saved[0];
    const at::Tensor& weight = saved[1];
    const at::Tensor& gradient = gradients[0];
    variable_list result(3);
    if (!gradient.defined()) return result;
    if (ctx->needs_input_grad(0)) result[0] = product(gradient, weight.t(), std::nullopt);  // (M, K)
    if (ctx->needs_input_grad(1)) result[1] = product(gradient.t(), x.t(), std::nullopt);   // (N, K)
    if (ctx->saved_data["bias"].toBool() && ctx->needs_input_grad(2)) result[2] = gradient.sum(0);
    return result;
  }
};

}  // namespace

at::Tensor linear(const at::Tensor& x, const at::Tensor& weight, const at::Tensor& bias) {
  const ArgumentCheck check("linear");
  check.dimensions("x", x, 2, "(M, K)");
  check.shape("weight", weight, {weight.size(0), x.size(1)});
  check.dtype("weight", weight, x.scalar_type());
  if (bias.defined()) check.shape("bias", bias, {weight.size(0)});
  const std::optional<at::Tensor> optional_bias = bias.defined() ? std::optional(bias) : std::nullopt;
  const bool fits = x.device().is_cpu() && x.scalar_type() == at::kFloat && onednn_linear();
  return fits ? OneDnnLinear::apply(x, weight, optional_bias) : at::linear(x, weight, optional_bias);
}

}  // namespace mabert::ops
