#include "kernels/masked_cross_entropy/cpu.h"

#include <algorithm>
#include <cmath>
#include <string>
#include <tuple>
#include <vector>

#include <ATen/Parallel.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/zeros.h>
#include <torch/library.h>

#include "mabert/core/error.h"

namespace mabert::kernels {
namespace {

float log_sum_exp(const float* x, std::int64_t count) { return log_sum_exp_float(x, count); }

double log_sum_exp(const double* x, std::int64_t count) {
  const double largest = *std::max_element(x, x + count);
  double sum = 0.0;
  for (std::int64_t i = 0; i < count; ++i) sum += std::exp(x[i] - largest);
  return largest + std::log(sum);
}

void scaled_exp(const float* x, std::int64_t count, float shift, float scale, float* to) {
  scaled_exp_float(x, count, shift, scale, to);
}

void scaled_exp(const double* x, std::int64_t count, double shift, double scale, double* to) {
  for (std::int64_t i = 0; i < count; ++i) to[i] = scale * std::exp(x[i] - shift);
}

// Is the label the first of the largest logits? (All equal logits must not count as a hit everywhere.)
template <class T>
bool is_largest(const T* x, std::int64_t count, std::int64_t label) {
  if (std::isnan(x[label])) return false;
  for (std::int64_t i = 0; i < count; ++i) {
    if (x[i] > x[label] || (i < label && x[i] == x[label])) return false;
  }
  return true;
}

void check_labels(const at::Tensor& labels, std::int64_t vocabulary) {
  const std::int64_t* const label = labels.const_data_ptr<std::int64_t>();
  for (std::int64_t i = 0; i < labels.numel(); ++i) {
    if (label[i] >= -1 && label[i] < vocabulary) continue;
    throw UsageError("[masked_cross_entropy] labels: expected -1 to " + std::to_string(vocabulary - 1) +
                     ", got " + std::to_string(label[i]) + " at row " + std::to_string(i));
  }
}

template <class T>
std::tuple<at::Tensor, at::Tensor, at::Tensor> forward_as(const at::Tensor& logits, const at::Tensor& labels,
                                                          std::int64_t vocabulary) {
  const std::int64_t rows = logits.size(0);
  const at::Tensor lse = at::zeros({rows}, logits.options());
  T* const out = lse.mutable_data_ptr<T>();
  const T* const x = logits.const_data_ptr<T>();
  const std::int64_t stride = logits.stride(0);
  const std::int64_t* const label = labels.const_data_ptr<std::int64_t>();
  std::vector<char> hit(static_cast<std::size_t>(rows), 0);
  at::parallel_for(0, rows, 1, [&](std::int64_t first, std::int64_t last) {
    for (std::int64_t i = first; i < last; ++i) {
      if (label[i] < 0) continue;
      out[i] = log_sum_exp(x + i * stride, vocabulary);
      hit[static_cast<std::size_t>(i)] = is_largest(x + i * stride, vocabulary, label[i]) ? 1 : 0;
    }
  });
  double loss = 0.0;
  for (std::int64_t i = 0; i < rows; ++i) {
    if (label[i] >= 0) loss += static_cast<double>(out[i]) - static_cast<double>(x[i * stride + label[i]]);
  }
  const at::Tensor loss_sum = at::empty({}, logits.options()), correct = at::empty({}, labels.options());
  *loss_sum.mutable_data_ptr<T>() = static_cast<T>(loss);
  *correct.mutable_data_ptr<std::int64_t>() = std::count(hit.begin(), hit.end(), 1);
  return {loss_sum, correct, lse};
}

template <class T>
at::Tensor backward_as(const at::Tensor& grad, const at::Tensor& logits, const at::Tensor& labels,
                       const at::Tensor& lse, std::int64_t vocabulary) {
  const std::int64_t rows = logits.size(0), columns = logits.size(1), stride = logits.stride(0);
  const at::Tensor dlogits = at::empty({rows, columns}, logits.options());
  const T scale = *grad.const_data_ptr<T>();
  const T *const x = logits.const_data_ptr<T>(), *const shift = lse.const_data_ptr<T>();
  T* const to = dlogits.mutable_data_ptr<T>();
  const std::int64_t* const label = labels.const_data_ptr<std::int64_t>();
  at::parallel_for(0, rows, 1, [&](std::int64_t first, std::int64_t last) {
    for (std::int64_t i = first; i < last; ++i) {
      T* const row = to + i * columns;
      const std::int64_t used = label[i] < 0 ? 0 : vocabulary;
      if (used > 0) {
        scaled_exp(x + i * stride, used, shift[i], scale, row);
        row[label[i]] -= scale;
      }
      std::fill(row + used, row + columns, T{0});
    }
  });
  return dlogits;
}

at::Tensor dense_rows(const at::Tensor& x) { return x.stride(1) == 1 ? x : x.contiguous(); }
at::Tensor wide(const at::Tensor& labels) { return labels.to(at::kLong).contiguous(); }

std::tuple<at::Tensor, at::Tensor, at::Tensor> forward(const at::Tensor& logits, const at::Tensor& labels,
                                                       std::int64_t vocabulary) {
  const at::Tensor x = dense_rows(logits), y = wide(labels);
  check_labels(y, vocabulary);
  return x.scalar_type() == at::kDouble ? forward_as<double>(x, y, vocabulary)
                                        : forward_as<float>(x, y, vocabulary);
}

at::Tensor backward(const at::Tensor& grad_loss_sum, const at::Tensor& logits, const at::Tensor& labels,
                    const at::Tensor& log_sum_exp, std::int64_t vocabulary) {
  const at::Tensor x = dense_rows(logits), y = wide(labels);
  return x.scalar_type() == at::kDouble ? backward_as<double>(grad_loss_sum, x, y, log_sum_exp, vocabulary)
                                        : backward_as<float>(grad_loss_sum, x, y, log_sum_exp, vocabulary);
}

}  // namespace

TORCH_LIBRARY_IMPL(mabert, CPU, m) {
  m.impl("masked_cross_entropy", &forward);
  m.impl("masked_cross_entropy_backward", &backward);
}

}  // namespace mabert::kernels
