#include "mabert/ops/attention.h"

#include "check.h"

#include <cmath>

#include <torch/csrc/autograd/custom_function.h>
#include <torch/library.h>

namespace mabert::ops {
namespace {

using torch::autograd::AutogradContext;
using torch::autograd::variable_list;
using OptionalTensor = std::optional<at::Tensor>;
using OptionalInt = std::optional<std::int64_t>;
using Four = std::tuple<at::Tensor, at::Tensor, at::Tensor, at::Tensor>;
using Signature = Four(const at::Tensor&, const at::Tensor&, const at::Tensor&, const at::Tensor&,
                       const OptionalTensor&, const OptionalTensor&, std::int64_t, bool, OptionalInt,
                       OptionalInt, double);
using BackwardSignature = std::tuple<at::Tensor, at::Tensor, at::Tensor>(
    const at::Tensor&, const at::Tensor&, const at::Tensor&, const at::Tensor&, const at::Tensor&,
    const at::Tensor&, const at::Tensor&, const at::Tensor&, const at::Tensor&, const OptionalTensor&,
    const OptionalTensor&, std::int64_t, bool, OptionalInt, OptionalInt, double);

Four call(const at::Tensor& q, const at::Tensor& k, const at::Tensor& v, const at::Tensor& offsets,
          const OptionalTensor& rows, const OptionalTensor& keep, std::int64_t max_length, bool causal,
          OptionalInt left, OptionalInt right, double scale) {
  static const auto op = find_operator<Signature>("mabert::attention");
  return op.call(q, k, v, offsets, rows, keep, max_length, causal, left, right, scale);
}

struct Attention : torch::autograd::Function<Attention> {
  static variable_list forward(AutogradContext* ctx, const at::Tensor& q, const at::Tensor& k,
                               const at::Tensor& v, const at::Tensor& offsets, const OptionalTensor& rows,
                               const OptionalTensor& keep, std::int64_t max_length, bool causal,
                               OptionalInt left, OptionalInt right, double scale) {
    const at::AutoDispatchBelowADInplaceOrView guard;
    auto [out, lse, random, unused] =
        call(q, k, v, offsets, rows, keep, max_length, causal, left, right, scale);
    ctx->save_for_backward({q, k, v, out, lse, random, unused, offsets, rows.value_or(at::Tensor()),
                            keep.value_or(at::Tensor())});
    ctx->saved_data["max_length"] = max_length;
    ctx->saved_data["causal"] = causal;
    ctx->saved_data["left"] = left;
    ctx->saved_data["right"] = right;
    ctx->saved_data["scale"] = scale;
    ctx->mark_non_differentiable({lse, random, unused});
    ctx->set_materialize_grads(false);
    return {out, lse, random, unused};
  }

  static variable_list backward(AutogradContext* ctx, const variable_list& grads) {
    variable_list result(11);
    if (!grads[0].defined()) return result;
    static const auto op = find_operator<BackwardSignature>("mabert::attention_backward");
    const variable_list in = ctx->get_saved_variables();
    const auto present = [](const at::Tensor& t) { return t.defined() ? OptionalTensor(t) : std::nullopt; };
    auto& data = ctx->saved_data;
    std::tie(result[0], result[1], result[2]) = op.call(
        grads[0], in[0], in[1], in[2], in[3], in[4], in[5], in[6], in[7], present(in[8]), present(in[9]),
        data["max_length"].toInt(), data["causal"].toBool(), data["left"].toOptional<std::int64_t>(),
        data["right"].toOptional<std::int64_t>(), data["scale"].toDouble());
    return result;
  }
};

Four attention_autograd(const at::Tensor& q, const at::Tensor& k, const at::Tensor& v,
                        const at::Tensor& offsets, const OptionalTensor& rows, const OptionalTensor& keep,
                        std::int64_t max_length, bool causal, OptionalInt left, OptionalInt right,
                        double scale) {
  if (any_requires_grad({q, k, v})) {
    const variable_list outputs =
        Attention::apply(q, k, v, offsets, rows, keep, max_length, causal, left, right, scale);
    return {outputs[0], outputs[1], outputs[2], outputs[3]};
  }
  const at::AutoDispatchBelowADInplaceOrView guard;
  return call(q, k, v, offsets, rows, keep, max_length, causal, left, right, scale);
}

// Without pads every sequence is dense in memory and only slack rows are invalid.
bool sequences_are_dense(const SequenceLayout& layout) {
  if (layout.has_holes()) return false;
  for (std::int64_t s = 0; s < layout.num_sequences(); ++s) {
    const std::size_t at = static_cast<std::size_t>(s);
    if (layout.host_begin()[at] != layout.host_offsets()[at]) return false;
    if (layout.host_end()[at] != layout.host_offsets()[at + 1]) return false;
  }
  return true;
}

}  // namespace

TORCH_LIBRARY_IMPL(mabert, Autograd, m) { m.impl("attention", &attention_autograd); }

at::Tensor attention(const at::Tensor& q, const at::Tensor& k, const at::Tensor& v,
                     const SequenceLayout& layout, const AttentionWindow& window) {
  const ArgumentCheck check("attention");
  check.dimensions("q", q, 3, "(T, H, K)");
  check.floating("q", q);
  check.layout(layout, "q", q);
  const auto same = [&](const char* name, const at::Tensor& tensor) {
    check.shape(name, tensor, q.sizes());
    check.dtype(name, tensor, q.scalar_type());
    check.device(name, tensor, q.device());
  };
  same("k", k);
  same("v", v);
  const bool flash = q.is_cuda() && (q.scalar_type() == at::kBFloat16 || q.scalar_type() == at::kHalf);
  check.that(!flash || (q.size(2) % 8 == 0 && q.size(2) <= 256), "q",
             "a head width that is a multiple of 8, at most 256, for half precision on CUDA",
             std::to_string(q.size(2)));
  check.that(!window.causal || window.right.value_or(0) == 0, "right", "absent or 0 when causal",
             std::to_string(window.right.value_or(0)));
  check.that(window.left.value_or(0) >= 0, "left", "at least 0", std::to_string(window.left.value_or(0)));
  check.that(window.right.value_or(0) >= 0, "right", "at least 0", std::to_string(window.right.value_or(0)));
  const double scale =
      window.scale.value_or(1.0 / std::sqrt(static_cast<double>(std::max<std::int64_t>(q.size(2), 1))));
  if (sequences_are_dense(layout)) {
    const OptionalTensor keep = layout.all_valid() ? std::nullopt : OptionalTensor(layout.row_mask());
    return std::get<0>(call(q, k, v, layout.offsets(), std::nullopt, keep, layout.max_length(), window.causal,
                            window.left, window.right, scale));
  }
  return std::get<0>(call(q, k, v, layout.compact_offsets(), layout.compact(), std::nullopt,
                          layout.max_length(), window.causal, window.left, window.right, scale));
}

}  // namespace mabert::ops
