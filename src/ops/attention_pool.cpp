#include "mabert/ops/attention_pool.h"

#include "check.h"

#include <torch/csrc/autograd/custom_function.h>
#include <torch/library.h>

namespace mabert::ops {
namespace {

using torch::autograd::AutogradContext;
using torch::autograd::variable_list;
using Signature = std::tuple<at::Tensor, at::Tensor>(const at::Tensor&, const at::Tensor&, at::TensorList);
using BackwardSignature = std::tuple<at::Tensor, at::Tensor>(const at::Tensor&, const at::Tensor&,
                                                             const at::Tensor&, const at::Tensor&,
                                                             at::TensorList);

std::tuple<at::Tensor, at::Tensor> call(const at::Tensor& x, const at::Tensor& scores,
                                        at::TensorList layout) {
  static const auto op = find_operator<Signature>("mabert::attention_pool");
  return op.call(x, scores, layout);
}

struct AttentionPool : torch::autograd::Function<AttentionPool> {
  static variable_list forward(AutogradContext* ctx, const at::Tensor& x, const at::Tensor& scores,
                               const std::vector<at::Tensor>& layout) {
    const at::AutoDispatchBelowADInplaceOrView guard;
    auto [out, probabilities] = call(x, scores, layout);
    ctx->save_for_backward({x, probabilities, out});
    ctx->saved_data["layout"] = layout;
    ctx->mark_non_differentiable({probabilities});
    ctx->set_materialize_grads(false);
    return {out, probabilities};
  }

  static variable_list backward(AutogradContext* ctx, const variable_list& grads) {
    if (!grads[0].defined()) return variable_list(3);
    static const auto op = find_operator<BackwardSignature>("mabert::attention_pool_backward");
    const variable_list in = ctx->get_saved_variables();
    auto [dx, dscores] = op.call(grads[0], in[0], in[1], in[2], ctx->saved_data["layout"].toTensorVector());
    return {dx, dscores, at::Tensor()};
  }
};

std::tuple<at::Tensor, at::Tensor> attention_pool_autograd(const at::Tensor& x, const at::Tensor& scores,
                                                           at::TensorList layout) {
  if (any_requires_grad({x, scores})) {
    const variable_list outputs = AttentionPool::apply(x, scores, layout.vec());
    return {outputs[0], outputs[1]};
  }
  const at::AutoDispatchBelowADInplaceOrView guard;
  return call(x, scores, layout);
}

}  // namespace

TORCH_LIBRARY_IMPL(mabert, Autograd, m) { m.impl("attention_pool", &attention_pool_autograd); }

at::Tensor attention_pool(const at::Tensor& x, const at::Tensor& scores, const SequenceLayout& layout) {
  const ArgumentCheck check("attention_pool");
  check.dimensions("x", x, 2, "(T, D)");
  check.floating("x", x);
  check.layout(layout, "x", x);
  check.shape("scores", scores, {x.size(0)});
  check.dtype("scores", scores, accumulate_type(x));
  check.device("scores", scores, x.device());
  return std::get<0>(call(x, scores, layout_tensors(layout)));
}

}  // namespace mabert::ops
