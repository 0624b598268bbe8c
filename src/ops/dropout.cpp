#include "mabert/ops/dropout.h"

#include "check.h"

#include <torch/csrc/autograd/custom_function.h>
#include <torch/library.h>

#include "mabert/core/random.h"

namespace mabert::ops {
namespace {

using torch::autograd::AutogradContext;
using torch::autograd::variable_list;
using Signature = at::Tensor(const at::Tensor&, at::TensorList, double, std::int64_t, const at::Tensor&,
                             const at::Tensor&);

at::Tensor call(const at::Tensor& x, at::TensorList layout, double rate, std::int64_t key,
                const at::Tensor& step, const at::Tensor& samples) {
  static const auto op = find_operator<Signature>("mabert::dropout");
  const at::AutoDispatchBelowADInplaceOrView guard;
  return op.call(x, layout, rate, key, step, samples);
}

// The mask is a function of the key, so the backward is the same operator on the gradient. The step counter
// moves on before the backward runs: a copy of it is kept.
struct Dropout : torch::autograd::Function<Dropout> {
  static at::Tensor forward(AutogradContext* ctx, const at::Tensor& x, const std::vector<at::Tensor>& layout,
                            double rate, std::int64_t key, const at::Tensor& step,
                            const at::Tensor& samples) {
    ctx->save_for_backward({step.clone(), samples});
    ctx->saved_data["layout"] = layout;
    ctx->saved_data["rate"] = rate;
    ctx->saved_data["key"] = key;
    return call(x, layout, rate, key, step, samples);
  }

  static variable_list backward(AutogradContext* ctx, const variable_list& grads) {
    const variable_list in = ctx->get_saved_variables();
    variable_list result(6);
    result[0] = call(grads[0], ctx->saved_data["layout"].toTensorVector(), ctx->saved_data["rate"].toDouble(),
                     ctx->saved_data["key"].toInt(), in[0], in[1]);
    return result;
  }
};

at::Tensor dropout_autograd(const at::Tensor& x, at::TensorList layout, double rate, std::int64_t key,
                            const at::Tensor& step, const at::Tensor& samples) {
  if (any_requires_grad({x})) return Dropout::apply(x, layout.vec(), rate, key, step, samples);
  return call(x, layout, rate, key, step, samples);
}

}  // namespace

TORCH_LIBRARY_IMPL(mabert, Autograd, m) { m.impl("dropout", &dropout_autograd); }

at::Tensor dropout(const at::Tensor& x, const SequenceLayout& layout, double rate, const DropoutKey& key) {
  const ArgumentCheck check("dropout");
  check.that(rate >= 0.0 && rate < 1.0, "rate", "at least 0 and below 1", std::to_string(rate));
  if (rate == 0.0) return x;
  check.dimensions("x", x, 2, "(T, D)");
  check.floating("x", x);
  check.layout(layout, "x", x);
  check.shape("step", key.step, {});
  check.dtype("step", key.step, at::kLong);
  check.device("step", key.step, x.device());
  check.shape("samples", key.samples, {layout.capacity()});
  check.dtype("samples", key.samples, at::kLong);
  check.device("samples", key.samples, x.device());
  const std::uint64_t host_key = derive_key(derive_key(key.seed, RandomPurpose::dropout), key.module);
  static const auto op = find_operator<Signature>("mabert::dropout");
  return op.call(x, layout_tensors(layout), rate, static_cast<std::int64_t>(host_key), key.step, key.samples);
}

}  // namespace mabert::ops
