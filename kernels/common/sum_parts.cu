#include "kernels/common/sum_parts_cuda.h"

namespace mabert::kernels {
namespace {

template <class A>
__global__ void sum_parts_kernel(const A* parts, std::int64_t count, std::int64_t size, A* total) {
  const std::int64_t i = static_cast<std::int64_t>(blockIdx.x) * blockDim.x + threadIdx.x;
  if (i >= size) return;
  A sum = 0;
  for (std::int64_t part = 0; part < count; ++part) sum += parts[part * size + i];
  total[i] = sum;
}

}  // namespace

cudaError_t sum_parts_cuda(const void* parts, std::int64_t count, std::int64_t size, bool is_double,
                           void* total, cudaStream_t stream) {
  if (size == 0) return cudaSuccess;
  const unsigned blocks = static_cast<unsigned>((size + 255) / 256);
  if (is_double) {
    sum_parts_kernel<<<blocks, 256, 0, stream>>>(static_cast<const double*>(parts), count, size,
                                                 static_cast<double*>(total));
  } else {
    sum_parts_kernel<<<blocks, 256, 0, stream>>>(static_cast<const float*>(parts), count, size,
                                                 static_cast<float*>(total));
  }
  return cudaGetLastError();
}

}  // namespace mabert::kernels
