#include "kernels/common/cuda_types.cuh"
#include "kernels/dropout/cuda.h"

namespace mabert::kernels {
namespace {

constexpr int kThreads = 256;

template <class T>
__global__ void dropout_kernel(DropoutParams p, std::int64_t draws) {
  using A = typename Accumulate<T>::type;
  const std::int64_t i = static_cast<std::int64_t>(blockIdx.x) * kThreads + threadIdx.x;
  if (i >= p.layout.rows * draws) return;
  const std::int64_t row = i / draws, first = i % draws * kDropoutLanes;
  const bool valid = is_valid(p.layout, row);
  const Philox draw = valid ? dropout_draw(p, dropout_step_key(p), row, first) : Philox{};
  const A scale = static_cast<A>(1.0 / (1.0 - static_cast<double>(p.rate)));
  for (std::int64_t k = 0; k < kDropoutLanes && first + k < p.channels; ++k) {
    const bool keep = valid && uniform_float(draw.words[k]) >= p.rate;
    store<T>(p.out, row * p.channels + first + k,
             keep ? load<T>(p.x, row * p.x_stride + first + k) * scale : A(0));
  }
}

}  // namespace

cudaError_t dropout_cuda(const DropoutParams& params, DType dtype, cudaStream_t stream) {
  const std::int64_t draws = (params.channels + kDropoutLanes - 1) / kDropoutLanes;
  if (params.layout.rows * draws == 0) return cudaSuccess;
  with_type(dtype, [&](auto type) {
    dropout_kernel<decltype(type)>
        <<<blocks_for(params.layout.rows * draws, kThreads), kThreads, 0, stream>>>(params, draws);
  });
  return cudaGetLastError();
}

}  // namespace mabert::kernels
