#pragma once

#include <cmath>
#include <cstdint>
#include <limits>
#include <optional>
#include <vector>

#include <ATen/TensorOperators.h>
#include <ATen/core/Tensor.h>
#include <ATen/ops/cat.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/full.h>
#include <ATen/ops/softmax.h>
#include <ATen/ops/stack.h>
#include <ATen/ops/tensor.h>
#include <ATen/ops/zeros.h>

#include "mabert/core/random.h"
#include "mabert/core/sequence_layout.h"
#include "mabert/ops/attention.h"
#include "mabert/ops/selective_scan.h"

/// The operators' definitions in plain differentiable tensor operations, for float64 on the CPU: slow and
/// independent of the kernels, gradients by LibTorch's autograd.
namespace mabert::testing {

/// Normal random float64 numbers, a function of shape and seed.
inline at::Tensor random_tensor(at::IntArrayRef shape, std::uint64_t seed, double scale = 1.0) {
  const at::Tensor x = at::empty(shape, at::TensorOptions().dtype(at::kDouble));
  double* const data = x.mutable_data_ptr<double>();
  for (std::int64_t i = 0; i < x.numel(); ++i) {
    data[i] = scale * normal_pair(Philox::draw(seed, 0, static_cast<std::uint64_t>(i)))[0];
  }
  return x;
}

/// Relative L2 distance; NaN or infinity in x that the reference does not have gives infinity.
inline double relative_error(const at::Tensor& x, const at::Tensor& reference) {
  const at::Tensor wide = x.detach().to(at::Device(at::kCPU), at::kDouble);
  const at::Tensor expected = reference.detach().to(at::Device(at::kCPU), at::kDouble);
  if (wide.sizes() != expected.sizes()) return std::numeric_limits<double>::infinity();
  if (wide.numel() == 0) return 0.0;
  const double scale = std::sqrt(expected.square().sum().item<double>()) + 1e-30;
  const double error = std::sqrt((wide - expected).square().sum().item<double>()) / scale;
  return std::isfinite(error) ? error : std::numeric_limits<double>::infinity();
}

/// Valid rows of a sequence in order (layout on the CPU).
inline std::vector<std::int64_t> valid_rows(const SequenceLayout& layout, std::int64_t s) {
  std::vector<std::int64_t> rows;
  const std::size_t at = static_cast<std::size_t>(s);
  for (std::int64_t row = layout.host_begin()[at]; row < layout.host_end()[at]; ++row) {
    if (layout.all_valid() || layout.row_mask().const_data_ptr<bool>()[row]) rows.push_back(row);
  }
  return rows;
}

inline at::Tensor index_of(const std::vector<std::int64_t>& rows) { return at::tensor(rows, at::kLong); }

struct ScanReference {
  at::Tensor out, last_state;
};

inline ScanReference reference_scan(const ops::ScanInputs& in, const SequenceLayout& layout,
                                    const std::vector<bool>& reverse) {
  const std::int64_t channels = in.u.size(1), states = in.a.size(1);
  const std::int64_t groups = static_cast<std::int64_t>(reverse.size()), width = channels / groups;
  std::vector<at::Tensor> group_outputs, group_states;
  for (std::int64_t g = 0; g < groups; ++g) {
    const auto part = [&](const at::Tensor& x, std::int64_t dim) { return x.narrow(dim, g * width, width); };
    at::Tensor out = at::zeros({layout.rows(), width}, in.u.options());
    std::vector<at::Tensor> last;
    for (std::int64_t s = 0; s < layout.capacity(); ++s) {
      std::vector<std::int64_t> rows = valid_rows(layout, s);
      if (reverse[static_cast<std::size_t>(g)]) rows = {rows.rbegin(), rows.rend()};
      at::Tensor h = in.initial_state ? part(in.initial_state->select(0, s), 0)
                                      : at::zeros({width, states}, in.u.options());
      if (!rows.empty()) {
        const at::Tensor index = index_of(rows);
        const auto pick = [&](const at::Tensor& x) { return x.index_select(0, index); };
        const at::Tensor u = pick(part(in.u, 1));
        at::Tensor x = pick(part(in.delta, 1));
        if (in.delta_bias) x = x + part(*in.delta_bias, 0);
        const at::Tensor dt = x.clamp_min(0) + (-x.abs()).exp().log1p();
        const at::Tensor decay = (dt.unsqueeze(2) * part(in.a, 0).unsqueeze(0)).exp();
        const at::Tensor input = (dt * u).unsqueeze(2) * pick(in.b.select(1, g)).unsqueeze(1);
        std::vector<at::Tensor> history;
        for (std::size_t t = 0; t < rows.size(); ++t) {
          const std::int64_t at = static_cast<std::int64_t>(t);
          h = decay.select(0, at) * h + input.select(0, at);
          history.push_back(h);
        }
        at::Tensor y = (at::stack(history) * pick(in.c.select(1, g)).unsqueeze(1)).sum(2);
        if (in.d) y = y + part(*in.d, 0) * u;
        if (in.z) {
          const at::Tensor z = pick(part(*in.z, 1));
          y = y * z * z.sigmoid();
        }
        out = out.index_add(0, index, y);
      }
      last.push_back(h);
    }
    group_outputs.push_back(out);
    group_states.push_back(at::stack(last));
  }
  return {at::cat(group_outputs, 1), at::cat(group_states, 1)};
}

inline at::Tensor reference_conv(const at::Tensor& x, const at::Tensor& weight,
                                 const std::optional<at::Tensor>& bias, const SequenceLayout& layout,
                                 const std::vector<bool>& reverse) {
  const std::int64_t taps = weight.size(1), groups = static_cast<std::int64_t>(reverse.size());
  const std::int64_t width = x.size(1) / groups;
  std::vector<at::Tensor> outputs;
  for (std::int64_t g = 0; g < groups; ++g) {
    const bool mirrored = reverse[static_cast<std::size_t>(g)];
    const at::Tensor rows = x.narrow(1, g * width, width);
    at::Tensor out = at::zeros({layout.rows(), width}, x.options());
    for (std::int64_t s = 0; s < layout.capacity(); ++s) {
      const std::vector<std::int64_t> valid = valid_rows(layout, s);
      if (valid.empty()) continue;
      const std::int64_t begin = valid.front(), length = valid.back() + 1 - begin;
      // Pads inside the span are zeros: put the valid rows into a zeroed block with W - 1 zeros on the side
      // of history.
      std::vector<std::int64_t> places;
      for (const std::int64_t row : valid) places.push_back(row - begin + (mirrored ? 0 : taps - 1));
      const at::Tensor block = at::zeros({length + taps - 1, width}, x.options())
                                   .index_add(0, index_of(places), rows.index_select(0, index_of(valid)));
      at::Tensor sum = at::zeros({length, width}, x.options());
      for (std::int64_t w = 0; w < taps; ++w) {
        const at::Tensor tap = weight.narrow(0, g * width, width).select(1, w);
        sum = sum + tap * block.narrow(0, mirrored ? taps - 1 - w : w, length);
      }
      if (bias) sum = sum + bias->narrow(0, g * width, width);
      std::vector<std::int64_t> inside;
      for (const std::int64_t row : valid) inside.push_back(row - begin);
      out = out.index_add(0, index_of(valid), (sum * sum.sigmoid()).index_select(0, index_of(inside)));
    }
    outputs.push_back(out);
  }
  return at::cat(outputs, 1);
}

inline at::Tensor reference_attention(const at::Tensor& q, const at::Tensor& k, const at::Tensor& v,
                                      const SequenceLayout& layout, const ops::AttentionWindow& window = {}) {
  const double scale = window.scale.value_or(1.0 / std::sqrt(static_cast<double>(q.size(2))));
  at::Tensor out = at::zeros(q.sizes(), q.options());
  for (std::int64_t s = 0; s < layout.capacity(); ++s) {
    const std::vector<std::int64_t> rows = valid_rows(layout, s);
    if (rows.empty()) continue;
    const std::int64_t length = static_cast<std::int64_t>(rows.size());
    const auto pick = [&](const at::Tensor& x) { return x.index_select(0, index_of(rows)).transpose(0, 1); };
    const at::Tensor mask = at::zeros({length, length}, q.options());
    double* const cell = mask.mutable_data_ptr<double>();
    for (std::int64_t i = 0; i < length; ++i) {
      for (std::int64_t j = 0; j < length; ++j) {
        const bool seen = (!window.causal || j <= i) && i - j <= window.left.value_or(length) &&
                          j - i <= window.right.value_or(length);
        if (!seen) cell[i * length + j] = -std::numeric_limits<double>::infinity();
      }
    }
    const at::Tensor scores = pick(q).matmul(pick(k).transpose(1, 2)) * scale + mask;
    out = out.index_add(0, index_of(rows), at::softmax(scores, -1).matmul(pick(v)).transpose(0, 1));
  }
  return out;
}

inline at::Tensor reference_pool(const at::Tensor& x, const at::Tensor& scores,
                                 const SequenceLayout& layout) {
  std::vector<at::Tensor> pooled;
  for (std::int64_t s = 0; s < layout.capacity(); ++s) {
    const std::vector<std::int64_t> rows = valid_rows(layout, s);
    if (rows.empty()) {
      pooled.push_back(at::zeros({x.size(1)}, x.options()));
      continue;
    }
    const at::Tensor weights = at::softmax(scores.index_select(0, index_of(rows)), 0);
    pooled.push_back((weights.unsqueeze(1) * x.index_select(0, index_of(rows))).sum(0));
  }
  return at::stack(pooled);
}

}  // namespace mabert::testing
