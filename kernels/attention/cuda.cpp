#include "kernels/attention/rows.h"

#include <limits>
#include <tuple>

#include <ATen/TensorOperators.h>
#include <ATen/ops/_efficient_attention_backward.h>
#include <ATen/ops/_efficient_attention_forward.h>
#include <ATen/ops/_flash_attention_backward.h>
#include <ATen/ops/_flash_attention_forward.h>
#include <ATen/ops/arange.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/searchsorted.h>
#include <ATen/ops/softmax.h>
#include <c10/cuda/CUDAGuard.h>
#include <torch/library.h>

// The backend is chosen here and never silently by the library: bf16 and fp16 the variable-length flash
// kernel, fp32 the memory-efficient one, and plain matrix products for what those lack (fp64; windows and odd
// head sizes in fp32).
namespace mabert::kernels {
namespace {

using OptionalTensor = std::optional<at::Tensor>;
using OptionalInt = std::optional<std::int64_t>;
using Three = std::tuple<at::Tensor, at::Tensor, at::Tensor>;
using Four = std::tuple<at::Tensor, at::Tensor, at::Tensor, at::Tensor>;

enum class Backend { flash, efficient, plain };

struct Call {
  at::Tensor offsets;
  std::int64_t max_length;
  bool causal;
  OptionalInt left, right;
  double scale;

  Backend backend(const at::Tensor& q) const {
    if (q.scalar_type() == at::kBFloat16 || q.scalar_type() == at::kHalf) return Backend::flash;
    const bool plain =
        q.scalar_type() == at::kDouble || left.has_value() || right.has_value() || q.size(2) % 4 != 0;
    return plain ? Backend::plain : Backend::efficient;
  }

  std::optional<c10::SymInt> limit(OptionalInt window) const {
    return window.has_value() ? std::optional<c10::SymInt>(std::min(*window, max_length)) : std::nullopt;
  }
  // The memory-efficient kernel refuses a bound above the number of rows, which a gathered padded batch may
  // have.
  std::int64_t bounded_length(const at::Tensor& q) const { return std::min(max_length, q.size(0)); }
  // Causal mask counted from the first query, or none.
  std::int64_t efficient_mask() const { return causal ? 1 : 0; }
};

Four flash_forward(const at::Tensor& q, const at::Tensor& k, const at::Tensor& v, const Call& call) {
  auto [out, lse, random, unused, debug] = at::_flash_attention_forward_symint(
      q, k, v, call.offsets, call.offsets, call.max_length, call.max_length, 0.0, call.causal,
      /*return_debug_mask=*/false, call.scale, call.limit(call.left), call.limit(call.right));
  return {out, lse, random, unused};
}

Three flash_backward(const at::Tensor& grad, const at::Tensor& q, const at::Tensor& k, const at::Tensor& v,
                     const at::Tensor& out, const at::Tensor& lse, const at::Tensor& random,
                     const at::Tensor& unused, const Call& call) {
  return at::_flash_attention_backward_symint(
      grad.contiguous(), q, k, v, out, lse, call.offsets, call.offsets, call.max_length, call.max_length, 0.0,
      call.causal, random, unused, call.scale, call.limit(call.left), call.limit(call.right));
}

Four efficient_forward(const at::Tensor& q, const at::Tensor& k, const at::Tensor& v, const Call& call) {
  auto [out, lse, seed, offset, max_q, max_k] = at::_efficient_attention_forward(
      q.unsqueeze(0), k.unsqueeze(0), v.unsqueeze(0), std::nullopt, call.offsets, call.offsets,
      call.bounded_length(q), call.bounded_length(q), 0.0, call.efficient_mask(), /*compute_log_sumexp=*/true,
      call.scale);
  return {out.squeeze(0), lse, seed, offset};
}

Three efficient_backward(const at::Tensor& grad, const at::Tensor& q, const at::Tensor& k,
                         const at::Tensor& v, const at::Tensor& out, const at::Tensor& lse,
                         const at::Tensor& seed, const at::Tensor& offset, const Call& call) {
  // One split of the keys: more would add up with atomics, in no fixed order.
  auto [dq, dk, dv, dbias] = at::_efficient_attention_backward(
      grad.contiguous().unsqueeze(0), q.unsqueeze(0), k.unsqueeze(0), v.unsqueeze(0), std::nullopt,
      out.unsqueeze(0), call.offsets, call.offsets, call.bounded_length(q), call.bounded_length(q), lse, 0.0,
      seed, offset, call.efficient_mask(),
      /*bias_requires_grad=*/false, call.scale, /*num_splits_key=*/1);
  return {dq.squeeze(0), dk.squeeze(0), dv.squeeze(0)};
}

// Softmax of all rows against all rows, other sequences masked: quadratic in the batch, for small and exact
// cases.
at::Tensor plain_probabilities(const at::Tensor& q, const at::Tensor& k, const Call& call) {
  const at::Tensor row = at::arange(q.size(0), call.offsets.options());
  const at::Tensor owner = at::searchsorted(call.offsets.narrow(0, 1, call.offsets.size(0) - 1), row,
                                            /*out_int32=*/true, /*right=*/true);
  const at::Tensor back = row.unsqueeze(1) - row.unsqueeze(0);
  at::Tensor seen = owner.unsqueeze(1).eq(owner.unsqueeze(0));
  if (call.causal) seen = seen.logical_and(back.ge(0));
  if (call.left.has_value()) seen = seen.logical_and(back.le(*call.left));
  if (call.right.has_value()) seen = seen.logical_and(back.ge(-*call.right));
  const at::Tensor scores = q.transpose(0, 1).matmul(k.permute({1, 2, 0})) * call.scale;
  return at::softmax(scores.masked_fill(seen.logical_not(), -std::numeric_limits<double>::infinity()), -1);
}

Three plain_backward(const at::Tensor& grad, const at::Tensor& q, const at::Tensor& k, const at::Tensor& v,
                     const Call& call) {
  const at::Tensor p = plain_probabilities(q, k, call), dout = grad.transpose(0, 1);  // (H, T, T), (H, T, K)
  const at::Tensor dp = dout.matmul(v.permute({1, 2, 0}));
  const at::Tensor ds = p * (dp - (dp * p).sum(-1, /*keepdim=*/true)) * call.scale;
  return {ds.matmul(k.transpose(0, 1)).transpose(0, 1),
          ds.transpose(1, 2).matmul(q.transpose(0, 1)).transpose(0, 1),
          p.transpose(1, 2).matmul(dout).transpose(0, 1)};
}

Four forward(const at::Tensor& q, const at::Tensor& k, const at::Tensor& v, const at::Tensor& offsets,
             const OptionalTensor& rows, const OptionalTensor& keep, std::int64_t max_length, bool causal,
             OptionalInt left, OptionalInt right, double scale) {
  const c10::cuda::CUDAGuard guard(q.device());
  const Call call{offsets, max_length, causal, left, right, scale};
  const at::Tensor query = gather_rows(q, rows), key = gather_rows(k, rows), value = gather_rows(v, rows);
  const at::Tensor none = at::empty({0}, q.options());
  Four result{at::zeros(query.sizes(), q.options()), none, none.clone(), none.clone()};
  if (query.numel() > 0) {
    switch (call.backend(q)) {
      case Backend::flash:
        result = flash_forward(query, key, value, call);
        break;
      case Backend::efficient:
        result = efficient_forward(query, key, value, call);
        break;
      case Backend::plain: {
        const at::Tensor p = plain_probabilities(keep_rows(query, keep), keep_rows(key, keep), call);
        std::get<0>(result) = p.matmul(keep_rows(value, keep).transpose(0, 1)).transpose(0, 1);
      }
    }
  }
  return {scatter_rows(std::get<0>(result), rows, keep, q.size(0)), std::get<1>(result), std::get<2>(result),
          std::get<3>(result)};
}

Three backward(const at::Tensor& grad_out, const at::Tensor& q, const at::Tensor& k, const at::Tensor& v,
               const at::Tensor& out, const at::Tensor& lse, const at::Tensor& random,
               const at::Tensor& unused, const at::Tensor& offsets, const OptionalTensor& rows,
               const OptionalTensor& keep, std::int64_t max_length, bool causal, OptionalInt left,
               OptionalInt right, double scale) {
  const c10::cuda::CUDAGuard guard(q.device());
  const Call call{offsets, max_length, causal, left, right, scale};
  const at::Tensor query = gather_rows(q, rows), key = gather_rows(k, rows), value = gather_rows(v, rows);
  const at::Tensor result = gather_rows(out, rows), grad = gather_rows(keep_rows(grad_out, keep), rows);
  Three gradients;
  if (query.numel() == 0) {
    const at::Tensor zero = at::zeros(query.sizes(), q.options());
    gradients = {zero, zero.clone(), zero.clone()};
  } else {
    switch (call.backend(q)) {
      case Backend::flash:
        gradients = flash_backward(grad, query, key, value, result, lse, random, unused, call);
        break;
      case Backend::efficient:
        gradients = efficient_backward(grad, query, key, value, result, lse, random, unused, call);
        break;
      case Backend::plain:
        gradients =
            plain_backward(grad, keep_rows(query, keep), keep_rows(key, keep), keep_rows(value, keep), call);
    }
  }
  const auto put_back = [&](const at::Tensor& x) { return scatter_rows(x, rows, keep, q.size(0)); };
  return {put_back(std::get<0>(gradients)), put_back(std::get<1>(gradients)),
          put_back(std::get<2>(gradients))};
}

}  // namespace

TORCH_LIBRARY_IMPL(mabert, CUDA, m) {
  m.impl("attention", &forward);
  m.impl("attention_backward", &backward);
}

}  // namespace mabert::kernels
