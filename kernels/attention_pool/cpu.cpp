#include "kernels/common/layout_tensors.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <tuple>

#include <ATen/Parallel.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/zeros.h>
#include <torch/library.h>

namespace mabert::kernels {
namespace {

bool row_in_use(const LayoutView& layout, std::int64_t row) {
  return layout.valid == nullptr || layout.valid[row];
}

template <class T>
void pool(const LayoutView& layout, std::int64_t s, const at::Tensor& x, const T* scores, T* probabilities,
          T* out) {
  const T* const rows = x.const_data_ptr<T>();
  T largest = -std::numeric_limits<T>::infinity(), sum = 0;
  for (std::int64_t row = layout.begin[s]; row < layout.end[s]; ++row) {
    if (row_in_use(layout, row)) largest = std::max(scores[row], largest);  // a NaN reaches the sum below
  }
  for (std::int64_t row = layout.begin[s]; row < layout.end[s]; ++row) {
    if (!row_in_use(layout, row)) continue;
    probabilities[row] = std::exp(scores[row] - largest);
    sum += probabilities[row];
  }
  for (std::int64_t row = layout.begin[s]; row < layout.end[s]; ++row) {
    if (!row_in_use(layout, row)) continue;
    probabilities[row] /= sum;
    for (std::int64_t e = 0; e < x.size(1); ++e) out[e] += probabilities[row] * rows[row * x.stride(0) + e];
  }
}

template <class T>
void pool_backward(const LayoutView& layout, std::int64_t s, const T* grad, const at::Tensor& x,
                   const T* probabilities, const T* out, T* dx, T* dscores) {
  const std::int64_t width = x.size(1);
  const T* const rows = x.const_data_ptr<T>();
  T along = 0;
  for (std::int64_t e = 0; e < width; ++e) along += grad[e] * out[e];
  for (std::int64_t row = layout.begin[s]; row < layout.end[s]; ++row) {
    if (!row_in_use(layout, row)) continue;
    T dot = 0;
    for (std::int64_t e = 0; e < width; ++e) {
      dot += grad[e] * rows[row * x.stride(0) + e];
      dx[row * width + e] = probabilities[row] * grad[e];
    }
    dscores[row] = probabilities[row] * (dot - along);
  }
}

template <class T>
std::tuple<at::Tensor, at::Tensor> forward_as(const at::Tensor& x, const at::Tensor& scores,
                                              at::TensorList tensors) {
  const LayoutView layout = view_layout(tensors);
  const at::Tensor rows = with_dense_rows(x), weights = scores.contiguous();
  const at::Tensor out = at::zeros({layout.sequences, x.size(1)}, x.options());
  const at::Tensor probabilities = at::zeros({layout.rows}, scores.options());
  T *const p = probabilities.mutable_data_ptr<T>(), *const o = out.mutable_data_ptr<T>();
  at::parallel_for(0, layout.sequences, 1, [&](std::int64_t first, std::int64_t last) {
    for (std::int64_t s = first; s < last; ++s) {
      pool(layout, s, rows, weights.const_data_ptr<T>(), p, o + s * x.size(1));
    }
  });
  return {out, probabilities};
}

template <class T>
std::tuple<at::Tensor, at::Tensor> backward_as(const at::Tensor& grad_out, const at::Tensor& x,
                                               const at::Tensor& probabilities, const at::Tensor& out,
                                               at::TensorList tensors) {
  const LayoutView layout = view_layout(tensors);
  const at::Tensor rows = with_dense_rows(x), grad = grad_out.contiguous();
  const at::Tensor dx = at::zeros(x.sizes(), x.options().memory_format(at::MemoryFormat::Contiguous));
  const at::Tensor dscores = at::zeros({layout.rows}, probabilities.options());
  const std::int64_t width = x.size(1);
  at::parallel_for(0, layout.sequences, 1, [&](std::int64_t first, std::int64_t last) {
    for (std::int64_t s = first; s < last; ++s) {
      pool_backward(layout, s, grad.const_data_ptr<T>() + s * width, rows, probabilities.const_data_ptr<T>(),
                    out.const_data_ptr<T>() + s * width, dx.mutable_data_ptr<T>(),
                    dscores.mutable_data_ptr<T>());
    }
  });
  return {dx, dscores};
}

std::tuple<at::Tensor, at::Tensor> forward(const at::Tensor& x, const at::Tensor& scores,
                                           at::TensorList layout) {
  return x.scalar_type() == at::kDouble ? forward_as<double>(x, scores, layout)
                                        : forward_as<float>(x, scores, layout);
}

std::tuple<at::Tensor, at::Tensor> backward(const at::Tensor& grad_out, const at::Tensor& x,
                                            const at::Tensor& probabilities, const at::Tensor& out,
                                            at::TensorList layout) {
  return x.scalar_type() == at::kDouble ? backward_as<double>(grad_out, x, probabilities, out, layout)
                                        : backward_as<float>(grad_out, x, probabilities, out, layout);
}

}  // namespace

TORCH_LIBRARY_IMPL(mabert, CPU, m) {
  m.impl("attention_pool", &forward);
  m.impl("attention_pool_backward", &backward);
}

}  // namespace mabert::kernels
