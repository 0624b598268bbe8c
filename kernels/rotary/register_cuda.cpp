#include "kernels/common/cuda_tensors.h"
#include "kernels/rotary/cuda.h"
#include "kernels/rotary/operators.h"

#include <torch/library.h>

namespace mabert::kernels {
namespace {

void run(const RotaryParams& params, const at::Tensor& like) {
  C10_CUDA_CHECK(rotary_cuda(params, dtype_of(like), current_stream()));
}

std::tuple<at::Tensor, at::Tensor, at::Tensor> forward(const at::Tensor& qkv, const at::Tensor& positions,
                                                       double base) {
  const c10::cuda::CUDAGuard guard(qkv.device());
  return rotary_forward(qkv, positions, base, run);
}

at::Tensor backward(const at::Tensor& grad_q, const at::Tensor& grad_k, const at::Tensor& grad_v,
                    const at::Tensor& positions, double base) {
  const c10::cuda::CUDAGuard guard(grad_q.device());
  return rotary_backward(grad_q, grad_k, grad_v, positions, base, run);
}

}  // namespace

TORCH_LIBRARY_IMPL(mabert, CUDA, m) {
  m.impl("rotary", &forward);
  m.impl("rotary_backward", &backward);
}

}  // namespace mabert::kernels
