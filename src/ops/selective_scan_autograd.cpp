#include "check.h"
#include "selective_scan_operators.h"

#include <torch/csrc/autograd/custom_function.h>
#include <torch/library.h>

namespace mabert::ops {
namespace {

using torch::autograd::AutogradContext;
using torch::autograd::variable_list;

/// The operator's arguments that are no tensors.
struct Settings {
  std::int64_t max_length, reverse, save_every;
  bool wide_states, last_state;
};

/// Rows between the states that a backward which must recompute them asks for.
constexpr std::int64_t kRecomputedEvery = 8;

std::tuple<at::Tensor, at::Tensor, at::Tensor> call_forward(
    const at::Tensor& u, const at::Tensor& delta, const at::Tensor& a, const at::Tensor& b,
    const at::Tensor& c, const OptionalTensor& d, const OptionalTensor& z, const OptionalTensor& delta_bias,
    const OptionalTensor& initial_state, at::TensorList layout, const Settings& with) {
  static const auto op = find_operator<SelectiveScanSignature>("mabert::selective_scan");
  const at::AutoDispatchBelowADInplaceOrView guard;
  return op.call(u, delta, a, b, c, d, z, delta_bias, initial_state, layout, with.max_length, with.reverse,
                 with.save_every, with.wide_states, with.last_state);
}

OptionalTensor present(const at::Tensor& tensor) {
  return tensor.defined() ? OptionalTensor(tensor) : std::nullopt;
}

struct SelectiveScan : torch::autograd::Function<SelectiveScan> {
  static variable_list forward(AutogradContext* ctx, const at::Tensor& u, const at::Tensor& delta,
                               const at::Tensor& a, const at::Tensor& b, const at::Tensor& c,
                               const OptionalTensor& d, const OptionalTensor& z,
                               const OptionalTensor& delta_bias, const OptionalTensor& initial_state,
                               const std::vector<at::Tensor>& layout, const Settings& with) {
    auto [out, states, last_state] =
        call_forward(u, delta, a, b, c, d, z, delta_bias, initial_state, layout, with);
    const at::Tensor none;
    ctx->save_for_backward({u, delta, a, b, c, d.value_or(none), z.value_or(none), delta_bias.value_or(none),
                            initial_state.value_or(none), states});
    ctx->saved_data["layout"] = layout;
    ctx->saved_data["max_length"] = with.max_length;
    ctx->saved_data["reverse"] = with.reverse;
    ctx->saved_data["save_every"] = with.save_every;
    ctx->saved_data["wide_states"] = with.wide_states;
    ctx->mark_non_differentiable({states, last_state});
    ctx->set_materialize_grads(false);
    return {out, states, last_state};
  }

  static variable_list backward(AutogradContext* ctx, const variable_list& grads) {
    variable_list result(11);  // layout and settings have none
    if (!grads[0].defined()) return result;
    static const auto op = find_operator<SelectiveScanBackwardSignature>("mabert::selective_scan_backward");
    const variable_list in = ctx->get_saved_variables();
    const std::vector<at::Tensor> layout = ctx->saved_data["layout"].toTensorVector();
    Settings with{.max_length = ctx->saved_data["max_length"].toInt(),
                  .reverse = ctx->saved_data["reverse"].toInt(),
                  .save_every = ctx->saved_data["save_every"].toInt(),
                  .wide_states = ctx->saved_data["wide_states"].toBool(),
                  .last_state = false};
    const OptionalTensor d = present(in[5]), z = present(in[6]), bias = present(in[7]),
                         initial = present(in[8]);
    at::Tensor states = in[9];
    if (with.save_every == 0) {
      with.save_every = kRecomputedEvery;
      states =
          std::get<1>(call_forward(in[0], in[1], in[2], in[3], in[4], d, z, bias, initial, layout, with));
    }
    const std::vector<at::Tensor> gradients =
        op.call(grads[0], in[0], in[1], in[2], in[3], in[4], d, z, bias, initial, states, layout,
                with.max_length, with.reverse, with.save_every);
    std::copy(gradients.begin(), gradients.end(), result.begin());
    return result;
  }
};

std::tuple<at::Tensor, at::Tensor, at::Tensor> selective_scan_autograd(
    const at::Tensor& u, const at::Tensor& delta, const at::Tensor& a, const at::Tensor& b,
    const at::Tensor& c, const OptionalTensor& d, const OptionalTensor& z, const OptionalTensor& delta_bias,
    const OptionalTensor& initial_state, at::TensorList layout, std::int64_t max_length, std::int64_t reverse,
    std::int64_t save_every, bool wide_states, bool last_state) {
  const Settings with{max_length, reverse, save_every, wide_states, last_state};
  if (!any_requires_grad({u, delta, a, b, c, d, z, delta_bias, initial_state})) {
    return call_forward(u, delta, a, b, c, d, z, delta_bias, initial_state, layout, with);
  }
  const variable_list outputs =
      SelectiveScan::apply(u, delta, a, b, c, d, z, delta_bias, initial_state, layout.vec(), with);
  return {outputs[0], outputs[1], outputs[2]};
}

}  // namespace

TORCH_LIBRARY_IMPL(mabert, Autograd, m) { m.impl("selective_scan", &selective_scan_autograd); }

}  // namespace mabert::ops
