#include "kernels/attention/rows.h"

#include <algorithm>
#include <limits>
#include <tuple>
#include <vector>

#include <ATen/Parallel.h>
#include <ATen/core/LegacyTypeDispatch.h>
#include <ATen/ops/_scaled_dot_product_flash_attention_for_cpu.h>
#include <ATen/ops/_scaled_dot_product_flash_attention_for_cpu_backward.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/full.h>
#include <ATen/ops/zeros.h>
#include <torch/library.h>

// Each sequence is an exact dense attention of its own length, so that nothing is masked and nothing wasted.
namespace mabert::kernels {
namespace {

using OptionalTensor = std::optional<at::Tensor>;
using OptionalInt = std::optional<std::int64_t>;

struct Window {
  bool causal;
  OptionalInt left, right;
  double scale;

  bool is_limited() const { return left.has_value() || right.has_value(); }
};

// 0 where row i sees row j, else -inf; absent without limits.
OptionalTensor window_mask(const Window& window, std::int64_t length, const at::TensorOptions& options) {
  if (!window.is_limited()) return std::nullopt;
  const at::Tensor mask = at::full({length, length}, -std::numeric_limits<double>::infinity(), options);
  for (std::int64_t i = 0; i < length; ++i) {
    const std::int64_t first = std::max<std::int64_t>(0, i - std::min(window.left.value_or(length), length));
    const std::int64_t right = window.causal ? 0 : std::min(window.right.value_or(length), length);
    mask.select(0, i).narrow(0, first, std::min(length, i + right + 1) - first).zero_();
  }
  return mask;
}

// (rows, H, K) of one sequence as (1, H, rows, K).
at::Tensor heads_first(const at::Tensor& x, std::int64_t first, std::int64_t length) {
  return x.narrow(0, first, length).transpose(0, 1).unsqueeze(0);
}

// Calls body(first, length) for each non-empty sequence: many sequences in parallel, cut by cost; few one
// after another, each parallel inside.
template <class Body>
void for_each_sequence(const at::Tensor& offsets, const Body& body) {
  const std::int32_t* const at = offsets.const_data_ptr<std::int32_t>();
  const std::int64_t sequences = offsets.size(0) - 1, threads = at::get_num_threads();
  std::vector<double> cost{0.0};
  double largest = 0.0;
  for (std::int64_t s = 0; s < sequences; ++s) {
    const double length = at[s + 1] - at[s];
    largest = std::max(largest, length * (length + 64.0));
    cost.push_back(cost.back() + length * (length + 64.0));
  }
  const auto run = [&](std::int64_t first, std::int64_t last) {
    for (std::int64_t s = first; s < last; ++s) {
      if (at[s + 1] > at[s]) body(std::int64_t{at[s]}, std::int64_t{at[s + 1] - at[s]});
    }
  };
  if (threads == 1 || at::in_parallel_region() ||
      largest * 4.0 * static_cast<double>(threads) > cost.back()) {
    return run(0, sequences);
  }
  const auto bound = [&](std::int64_t part) {
    const double share = cost.back() * static_cast<double>(part) / static_cast<double>(threads);
    return std::lower_bound(cost.begin(), cost.end(), share) - cost.begin();
  };
  at::parallel_for(0, threads, 1, [&](std::int64_t first, std::int64_t last) {
    const at::AutoDispatchBelowADInplaceOrView below_autograd;  // not inherited by other threads
    run(bound(first), last == threads ? sequences : bound(last));
  });
}

std::tuple<at::Tensor, at::Tensor, at::Tensor, at::Tensor> forward(
    const at::Tensor& q, const at::Tensor& k, const at::Tensor& v, const at::Tensor& offsets,
    const OptionalTensor& rows, const OptionalTensor& keep, std::int64_t /*max_length*/, bool causal,
    OptionalInt left, OptionalInt right, double scale) {
  const Window window{causal, left, right, scale};
  const at::Tensor query = gather_rows(q, rows), key = gather_rows(k, rows), value = gather_rows(v, rows);
  const at::Tensor out = at::zeros(query.sizes(), q.options());
  const at::Tensor lse = at::zeros({query.size(0), q.size(1)}, q.options());
  for_each_sequence(offsets, [&](std::int64_t first, std::int64_t length) {
    auto [part, part_lse] = at::_scaled_dot_product_flash_attention_for_cpu(
        heads_first(query, first, length), heads_first(key, first, length), heads_first(value, first, length),
        0.0, window.causal && !window.is_limited(), window_mask(window, length, q.options()), scale);
    heads_first(out, first, length).copy_(part);
    lse.narrow(0, first, length).copy_(part_lse.squeeze(0).transpose(0, 1));
  });
  const at::Tensor none = at::empty({0}, q.options());
  return {scatter_rows(out, rows, keep, q.size(0)), lse, none, none.clone()};
}

std::tuple<at::Tensor, at::Tensor, at::Tensor> backward(
    const at::Tensor& grad_out, const at::Tensor& q, const at::Tensor& k, const at::Tensor& v,
    const at::Tensor& out, const at::Tensor& lse, const at::Tensor& /*random*/, const at::Tensor& /*unused*/,
    const at::Tensor& offsets, const OptionalTensor& rows, const OptionalTensor& keep,
    std::int64_t /*max_length*/, bool causal, OptionalInt left, OptionalInt right, double scale) {
  const Window window{causal, left, right, scale};
  const at::Tensor query = gather_rows(q, rows), key = gather_rows(k, rows), value = gather_rows(v, rows);
  const at::Tensor result = gather_rows(out, rows), grad = gather_rows(keep_rows(grad_out, keep), rows);
  const at::Tensor dq = at::zeros(query.sizes(), q.options()), dk = at::zeros(query.sizes(), q.options());
  const at::Tensor dv = at::zeros(query.sizes(), q.options());
  for_each_sequence(offsets, [&](std::int64_t first, std::int64_t length) {
    auto [part_q, part_k, part_v] = at::_scaled_dot_product_flash_attention_for_cpu_backward(
        heads_first(grad, first, length), heads_first(query, first, length), heads_first(key, first, length),
        heads_first(value, first, length), heads_first(result, first, length),
        lse.narrow(0, first, length).transpose(0, 1).unsqueeze(0), 0.0, window.causal && !window.is_limited(),
        window_mask(window, length, q.options()), scale);
    heads_first(dq, first, length).copy_(part_q);
    heads_first(dk, first, length).copy_(part_k);
    heads_first(dv, first, length).copy_(part_v);
  });
  const std::int64_t total = q.size(0);
  return {scatter_rows(dq, rows, keep, total), scatter_rows(dk, rows, keep, total),
          scatter_rows(dv, rows, keep, total)};
}

}  // namespace

TORCH_LIBRARY_IMPL(mabert, CPU, m) {
  m.impl("attention", &forward);
  m.impl("attention_backward", &backward);
}

}  // namespace mabert::kernels
