#include "kernels/attention_pool/cuda.h"
#include "kernels/common/cuda_tensors.h"
#include "kernels/common/layout_tensors.h"

#include <torch/library.h>

namespace mabert::kernels {
namespace {

PoolParams make_params(const at::Tensor& x, at::TensorList layout) {
  return {.layout = view_layout(layout),
          .width = x.size(1),
          .x = x.const_data_ptr(),
          .x_stride = x.stride(0),
          .scores = nullptr,
          .probabilities = nullptr,
          .out = nullptr};
}

std::tuple<at::Tensor, at::Tensor> forward(const at::Tensor& x, const at::Tensor& scores,
                                           at::TensorList layout) {
  const c10::cuda::CUDAGuard guard(x.device());
  const at::Tensor rows = with_dense_rows(x), weights = scores.contiguous();
  PoolParams params = make_params(rows, layout);
  const at::Tensor out = at::empty({params.layout.sequences, params.width}, x.options());
  const at::Tensor probabilities = at::empty({params.layout.rows}, scores.options());
  params.scores = weights.const_data_ptr();
  params.probabilities = probabilities.mutable_data_ptr();
  params.out = out.mutable_data_ptr();
  const std::int64_t slots = pool_slots(params.layout.rows, params.layout.sequences, PoolForwardBlock::kRows);
  const std::int64_t stride = pool_part_stride(params.width);
  const at::Tensor part_rows = at::empty({slots, stride}, scores.options());
  const at::Tensor part_sums = at::empty({2, slots}, scores.options());
  const PoolParts parts{.rows = part_rows.mutable_data_ptr(),
                        .stride = stride,
                        .largest = part_sums.select(0, 0).mutable_data_ptr(),
                        .sums = part_sums.select(0, 1).mutable_data_ptr()};
  C10_CUDA_CHECK(pool_forward_cuda(params, parts, dtype_of(x), current_stream()));
  return {out, probabilities};
}

std::tuple<at::Tensor, at::Tensor> backward(const at::Tensor& grad_out, const at::Tensor& x,
                                            const at::Tensor& probabilities, const at::Tensor& /*out*/,
                                            at::TensorList layout) {
  const c10::cuda::CUDAGuard guard(x.device());
  const at::Tensor rows = with_dense_rows(x), grad = grad_out.contiguous();
  PoolParams params = make_params(rows, layout);
  params.probabilities = probabilities.mutable_data_ptr();
  const at::Tensor dx = at::empty({params.layout.rows, params.width}, x.options());
  const at::Tensor dscores = at::empty({params.layout.rows}, probabilities.options());
  const PoolGradients gradients{
      .grad_out = grad.const_data_ptr(), .dx = dx.mutable_data_ptr(), .dscores = dscores.mutable_data_ptr()};
  const std::int64_t slots =
      pool_slots(params.layout.rows, params.layout.sequences, PoolBackwardBlock::kRows);
  const at::Tensor sums = at::empty({slots}, probabilities.options());
  C10_CUDA_CHECK(
      pool_backward_cuda(params, gradients, sums.mutable_data_ptr(), dtype_of(x), current_stream()));
  return {dx, dscores};
}

}  // namespace

TORCH_LIBRARY_IMPL(mabert, CUDA, m) {
  m.impl("attention_pool", &forward);
  m.impl("attention_pool_backward", &backward);
}

}  // namespace mabert::kernels
