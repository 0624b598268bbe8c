#pragma once

#include "kernels/rotary/params.h"

#include <tuple>

#include <ATen/core/Tensor.h>
#include <ATen/ops/empty.h>

namespace mabert::kernels {

/// x (T, H, K) or (T, 3, H, K) with its channels side by side.
inline at::Tensor with_dense_channels(const at::Tensor& x) { return x.stride(-1) == 1 ? x : x.contiguous(); }

inline RotaryPart rotary_part(const at::Tensor& x, const at::Tensor& out) {
  return {.x = x.const_data_ptr(),
          .x_row_stride = x.stride(0),
          .x_head_stride = x.stride(1),
          .out = out.mutable_data_ptr(),
          .out_row_stride = out.stride(0)};
}

/// Of parts like x (T, H, K), still without them.
inline RotaryParams rotary_params(const at::Tensor& x, const at::Tensor& positions, double base,
                                  bool backwards) {
  return {.rows = x.size(0),
          .heads = x.size(1),
          .pairs = x.size(2) / 2,
          .positions = positions.const_data_ptr<std::int32_t>(),
          .log2_ratio = -2.0 * std::log2(base) / static_cast<double>(x.size(2)),
          .backwards = backwards,
          .parts = 0,
          .part = {}};
}

/// Both operators in terms of run(params, like): turns and copies all parts, elements as in `like`.
template <class Run>
std::tuple<at::Tensor, at::Tensor, at::Tensor> rotary_forward(const at::Tensor& qkv,
                                                              const at::Tensor& positions, double base,
                                                              const Run& run) {
  const at::Tensor dense = with_dense_channels(qkv), row_positions = positions.contiguous();
  const at::Tensor q = dense.select(1, 0), k = dense.select(1, 1);
  const auto make = [&] { return at::empty(q.sizes(), q.options()); };
  const at::Tensor turned_q = make(), turned_k = make();
  RotaryParams params = rotary_params(q, row_positions, base, /*backwards=*/false);
  params.part[params.parts++] = rotary_part(q, turned_q);
  params.part[params.parts++] = rotary_part(k, turned_k);
  run(params, q);
  return {turned_q, turned_k, qkv.select(1, 2)};
}

template <class Run>
at::Tensor rotary_backward(const at::Tensor& grad_q, const at::Tensor& grad_k, const at::Tensor& grad_v,
                           const at::Tensor& positions, double base, const Run& run) {
  const at::Tensor grads[] = {with_dense_channels(grad_q), with_dense_channels(grad_k),
                              with_dense_channels(grad_v)};
  const at::Tensor row_positions = positions.contiguous();
  const at::Tensor out =
      at::empty({grad_q.size(0), kRotaryParts, grad_q.size(1), grad_q.size(2)}, grad_q.options());
  RotaryParams params = rotary_params(grad_q, row_positions, base, /*backwards=*/true);
  for (const at::Tensor& grad : grads) {
    params.part[params.parts] = rotary_part(grad, out.select(1, params.parts));
    ++params.parts;
  }
  run(params, grad_q);
  return out;
}

}  // namespace mabert::kernels
