#include "benchmarks/harness/probe.h"

namespace mabert::bench {
namespace {

constexpr int kThreads = 512, kBlocksPerMultiprocessor = 4, kChains = 8, kRounds = 4096;

__device__ std::uint64_t nanoseconds() {
  std::uint64_t value;
  asm volatile("mov.u64 %0, %%globaltimer;" : "=l"(value));
  return value;
}

__global__ void exponential_probe_kernel(std::uint64_t* result) {
  const std::uint64_t begin_ns = nanoseconds();
  const long long begin = clock64();
  float x[kChains];
  for (int i = 0; i < kChains; ++i) x[i] = static_cast<float>(threadIdx.x + i) * 1e-3f;
#pragma unroll 4
  for (int round = 0; round < kRounds; ++round) {
#pragma unroll
    for (int i = 0; i < kChains; ++i) asm volatile("ex2.approx.ftz.f32 %0, %0;" : "+f"(x[i]));
  }
  float sum = 0;
  for (int i = 0; i < kChains; ++i) sum += x[i];
  const long long end = clock64();
  // The sum is +inf; writing it under a condition keeps the loop without a store of every thread.
  if ((threadIdx.x == 0 && blockIdx.x == 0) || sum < 0) {
    result[0] = static_cast<std::uint64_t>(end - begin);
    result[1] = nanoseconds() - begin_ns;
  }
}

}  // namespace

std::int64_t probe_exps(int multiprocessors) {
  return std::int64_t{1} * multiprocessors * kBlocksPerMultiprocessor * kThreads * kChains * kRounds;
}

cudaError_t launch_probe(int multiprocessors, std::uint64_t* result, cudaStream_t stream) {
  exponential_probe_kernel<<<multiprocessors * kBlocksPerMultiprocessor, kThreads, 0, stream>>>(result);
  return cudaGetLastError();
}

}  // namespace mabert::bench
