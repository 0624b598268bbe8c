#include "mabert/ops/causal_conv1d.h"

#include "check.h"

#include <torch/csrc/autograd/custom_function.h>
#include <torch/library.h>

namespace mabert::ops {
namespace {

using torch::autograd::AutogradContext;
using torch::autograd::variable_list;
using OptionalTensor = std::optional<at::Tensor>;
using Signature = at::Tensor(const at::Tensor&, const at::Tensor&, const OptionalTensor&, at::TensorList,
                             std::int64_t, std::int64_t);
using BackwardSignature = std::vector<at::Tensor>(const at::Tensor&, const at::Tensor&, const at::Tensor&,
                                                  const OptionalTensor&, at::TensorList, std::int64_t,
                                                  std::int64_t);

constexpr std::int64_t kMaxWidth = 16;

at::Tensor call(const at::Tensor& x, const at::Tensor& weight, const OptionalTensor& bias,
                at::TensorList layout, std::int64_t groups, std::int64_t reverse) {
  static const auto op = find_operator<Signature>("mabert::causal_conv1d");
  return op.call(x, weight, bias, layout, groups, reverse);
}

struct CausalConv1d : torch::autograd::Function<CausalConv1d> {
  static at::Tensor forward(AutogradContext* ctx, const at::Tensor& x, const at::Tensor& weight,
                            const OptionalTensor& bias, const std::vector<at::Tensor>& layout,
                            std::int64_t groups, std::int64_t reverse) {
    const at::AutoDispatchBelowADInplaceOrView guard;
    ctx->save_for_backward({x, weight, bias.value_or(at::Tensor())});
    ctx->saved_data["layout"] = layout;
    ctx->saved_data["groups"] = groups;
    ctx->saved_data["reverse"] = reverse;
    return call(x, weight, bias, layout, groups, reverse);
  }

  static variable_list backward(AutogradContext* ctx, const variable_list& grads) {
    static const auto op = find_operator<BackwardSignature>("mabert::causal_conv1d_backward");
    const variable_list in = ctx->get_saved_variables();
    const OptionalTensor bias = in[2].defined() ? OptionalTensor(in[2]) : std::nullopt;
    variable_list result = op.call(grads[0], in[0], in[1], bias, ctx->saved_data["layout"].toTensorVector(),
                                   ctx->saved_data["groups"].toInt(), ctx->saved_data["reverse"].toInt());
    result.resize(6);  // layout, groups and reverse have none
    return result;
  }
};

at::Tensor causal_conv1d_autograd(const at::Tensor& x, const at::Tensor& weight, const OptionalTensor& bias,
                                  at::TensorList layout, std::int64_t groups, std::int64_t reverse) {
  if (any_requires_grad({x, weight, bias}))
    return CausalConv1d::apply(x, weight, bias, layout.vec(), groups, reverse);
  const at::AutoDispatchBelowADInplaceOrView guard;
  return call(x, weight, bias, layout, groups, reverse);
}

}  // namespace

TORCH_LIBRARY_IMPL(mabert, Autograd, m) { m.impl("causal_conv1d", &causal_conv1d_autograd); }

at::Tensor causal_conv1d(const at::Tensor& x, const at::Tensor& weight, const std::optional<at::Tensor>& bias,
                         const SequenceLayout& layout, const std::vector<bool>& reverse) {
  const ArgumentCheck check("causal_conv1d");
  check.dimensions("x", x, 2, "(T, E)");
  check.floating("x", x);
  check.layout(layout, "x", x);
  const std::int64_t channels = x.size(1), groups = static_cast<std::int64_t>(reverse.size());
  const std::int64_t bits = reverse_bits(check, reverse);
  check.that(channels % groups == 0, "reverse", "a number of groups that divides " + std::to_string(channels),
             std::to_string(groups));
  check.dimensions("weight", weight, 2, "(E, W)");
  check.that(weight.size(1) >= 1 && weight.size(1) <= kMaxWidth, "weight", "a width of 1 to 16",
             std::to_string(weight.size(1)));
  const auto parameter = [&](const char* name, const at::Tensor& tensor, at::IntArrayRef shape) {
    check.shape(name, tensor, shape);
    if (tensor.scalar_type() != x.scalar_type()) check.dtype(name, tensor, accumulate_type(x));
    check.device(name, tensor, x.device());
  };
  parameter("weight", weight, {channels, weight.size(1)});
  if (bias) parameter("bias", *bias, {channels});
  return call(x, weight, bias, layout_tensors(layout), groups, bits);
}

}  // namespace mabert::ops
