#include "mabert/ops/masked_cross_entropy.h"

#include "check.h"

#include <torch/csrc/autograd/custom_function.h>
#include <torch/library.h>

namespace mabert::ops {
namespace {

using torch::autograd::AutogradContext;
using torch::autograd::variable_list;
using Signature = std::tuple<at::Tensor, at::Tensor, at::Tensor>(const at::Tensor&, const at::Tensor&,
                                                                 std::int64_t);
using BackwardSignature = at::Tensor(const at::Tensor&, const at::Tensor&, const at::Tensor&,
                                     const at::Tensor&, std::int64_t);

std::tuple<at::Tensor, at::Tensor, at::Tensor> call(const at::Tensor& logits, const at::Tensor& labels,
                                                    std::int64_t vocabulary) {
  static const auto op = find_operator<Signature>("mabert::masked_cross_entropy");
  return op.call(logits, labels, vocabulary);
}

struct CrossEntropy : torch::autograd::Function<CrossEntropy> {
  static variable_list forward(AutogradContext* ctx, const at::Tensor& logits, const at::Tensor& labels,
                               std::int64_t vocabulary) {
    const at::AutoDispatchBelowADInplaceOrView guard;
    auto [loss_sum, correct, log_sum_exp] = call(logits, labels, vocabulary);
    ctx->save_for_backward({logits, labels, log_sum_exp});
    ctx->saved_data["vocabulary"] = vocabulary;
    ctx->mark_non_differentiable({correct, log_sum_exp});
    ctx->set_materialize_grads(false);
    return {loss_sum, correct, log_sum_exp};
  }

  static variable_list backward(AutogradContext* ctx, const variable_list& grads) {
    if (!grads[0].defined()) return variable_list(3);
    static const auto op = find_operator<BackwardSignature>("mabert::masked_cross_entropy_backward");
    const variable_list in = ctx->get_saved_variables();
    return {op.call(grads[0], in[0], in[1], in[2], ctx->saved_data["vocabulary"].toInt()), at::Tensor(),
            at::Tensor()};
  }
};

std::tuple<at::Tensor, at::Tensor, at::Tensor> masked_cross_entropy_autograd(const at::Tensor& logits,
                                                                             const at::Tensor& labels,
                                                                             std::int64_t vocabulary) {
  if (any_requires_grad({logits})) {
    const variable_list outputs = CrossEntropy::apply(logits, labels, vocabulary);
    return {outputs[0], outputs[1], outputs[2]};
  }
  const at::AutoDispatchBelowADInplaceOrView guard;
  return call(logits, labels, vocabulary);
}

}  // namespace

TORCH_LIBRARY_IMPL(mabert, Autograd, m) { m.impl("masked_cross_entropy", &masked_cross_entropy_autograd); }

MaskedCrossEntropy masked_cross_entropy(const at::Tensor& logits, const at::Tensor& labels,
                                        std::int64_t vocabulary) {
  const ArgumentCheck check("masked_cross_entropy");
  check.dimensions("logits", logits, 2, "(P, V)");
  check.floating("logits", logits);
  check.shape("labels", labels, {logits.size(0)});
  check.that(labels.scalar_type() == at::kInt || labels.scalar_type() == at::kLong, "labels",
             "int32 or int64", c10::toString(labels.scalar_type()));
  check.device("labels", labels, logits.device());
  check.that(vocabulary >= 1 && vocabulary <= logits.size(1), "vocabulary",
             "1 to " + std::to_string(logits.size(1)), std::to_string(vocabulary));
  auto [loss_sum, correct, log_sum_exp] = call(logits, labels, vocabulary);
  return {.loss_sum = loss_sum, .correct = correct};
}

}  // namespace mabert::ops
