#include "kernels/common/cuda_tensors.h"
#include "kernels/common/layout_tensors.h"
#include "kernels/masked_cross_entropy/cuda.h"

#include <torch/library.h>

namespace mabert::kernels {
namespace {

CrossEntropyParams make_params(const at::Tensor& logits, const at::Tensor& labels, std::int64_t vocabulary) {
  CrossEntropyParams params{};
  params.rows = logits.size(0);
  params.columns = logits.size(1);
  params.vocabulary = vocabulary;
  params.stride = logits.stride(0);
  params.logits = logits.const_data_ptr();
  params.labels = labels.const_data_ptr<std::int64_t>();
  return params;
}

std::tuple<at::Tensor, at::Tensor, at::Tensor> forward(const at::Tensor& logits, const at::Tensor& labels,
                                                       std::int64_t vocabulary) {
  const c10::cuda::CUDAGuard guard(logits.device());
  const at::Tensor x = with_dense_rows(logits), y = labels.to(at::kLong).contiguous();
  const at::TensorOptions sums = x.options().dtype(x.scalar_type() == at::kDouble ? at::kDouble : at::kFloat);
  const at::Tensor lse = at::empty({x.size(0)}, sums), row_loss = at::empty({x.size(0)}, sums);
  const at::Tensor row_hit = at::empty({x.size(0)}, y.options()), loss_sum = at::empty({}, sums);
  const at::Tensor correct = at::empty({}, y.options());
  CrossEntropyParams params = make_params(x, y, vocabulary);
  params.log_sum_exp = lse.mutable_data_ptr();
  params.row_loss = row_loss.mutable_data_ptr();
  params.row_hit = row_hit.mutable_data_ptr<std::int64_t>();
  params.loss_sum = loss_sum.mutable_data_ptr();
  params.correct = correct.mutable_data_ptr<std::int64_t>();
  C10_CUDA_CHECK(cross_entropy_forward_cuda(params, dtype_of(x), current_stream()));
  return {loss_sum, correct, lse};
}

at::Tensor backward(const at::Tensor& grad_loss_sum, const at::Tensor& logits, const at::Tensor& labels,
                    const at::Tensor& log_sum_exp, std::int64_t vocabulary) {
  const c10::cuda::CUDAGuard guard(logits.device());
  const at::Tensor x = with_dense_rows(logits), y = labels.to(at::kLong).contiguous();
  const at::Tensor dlogits = at::empty({x.size(0), x.size(1)}, x.options());
  CrossEntropyParams params = make_params(x, y, vocabulary);
  params.log_sum_exp = log_sum_exp.mutable_data_ptr();
  C10_CUDA_CHECK(cross_entropy_backward_cuda(params, grad_loss_sum.const_data_ptr(),
                                             dlogits.mutable_data_ptr(), dtype_of(x), current_stream()));
  return dlogits;
}

}  // namespace

TORCH_LIBRARY_IMPL(mabert, CUDA, m) {
  m.impl("masked_cross_entropy", &forward);
  m.impl("masked_cross_entropy_backward", &backward);
}

}  // namespace mabert::kernels
