#include "kernels/common/cuda_tensors.h"
#include "kernels/common/layout_tensors.h"
#include "kernels/dropout/cuda.h"

#include <torch/library.h>

namespace mabert::kernels {
namespace {

at::Tensor dropout(const at::Tensor& x, at::TensorList layout, double rate, std::int64_t key,
                   const at::Tensor& step, const at::Tensor& samples) {
  const c10::cuda::CUDAGuard guard(x.device());
  const at::Tensor dense = with_dense_rows(x), counters = samples.contiguous();
  const at::Tensor out = at::empty({x.size(0), x.size(1)}, x.options());
  const DropoutParams params{.layout = view_layout(layout),
                             .channels = x.size(1),
                             .rate = static_cast<float>(rate),
                             .key = static_cast<std::uint64_t>(key),
                             .step = step.const_data_ptr<std::int64_t>(),
                             .samples = counters.const_data_ptr<std::int64_t>(),
                             .x = dense.const_data_ptr(),
                             .x_stride = dense.stride(0),
                             .out = out.mutable_data_ptr()};
  C10_CUDA_CHECK(dropout_cuda(params, dtype_of(x), current_stream()));
  return out;
}

}  // namespace

TORCH_LIBRARY_IMPL(mabert, CUDA, m) { m.impl("dropout", &dropout); }

}  // namespace mabert::kernels
