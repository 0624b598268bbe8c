#include "kernels/common/cuda_types.cuh"
#include "kernels/selective_scan/general.h"

namespace mabert::kernels {
namespace {

template <class T, int kMaxStates>
__global__ void scan_forward_kernel(ScanParams p, std::int64_t blocks) {
  using A = typename Accumulate<T>::type;
  const std::int64_t s = blockIdx.x, group = blockIdx.y / blocks, width = p.channels / p.groups;
  const std::int64_t in_group = blockIdx.y % blocks * kScanThreads + threadIdx.x;
  if (in_group >= width) return;
  const std::int64_t e = group * width + in_group;
  const int states = static_cast<int>(p.state_size);

  for (std::int64_t row = p.layout.offsets[s]; row < p.layout.offsets[s + 1]; ++row) {
    if (!is_valid(p.layout, row)) store<T>(p.out, row * p.channels + e, A(0));
  }
  A a[kMaxStates], h[kMaxStates];
#pragma unroll
  for (int n = 0; n < kMaxStates; ++n) {
    a[n] = n < states ? load<A>(p.a, n * p.channels + e) : A(0);
    h[n] = n < states && p.initial_state != nullptr
               ? load<A>(p.initial_state, (s * states + n) * p.channels + e)
               : A(0);
  }
  const A bias = p.delta_bias != nullptr ? load<A>(p.delta_bias, e) : A(0);
  const A skip = p.d != nullptr ? load<A>(p.d, e) : A(0);
  const std::int32_t count = count_valid(p.layout, s);
  std::int64_t slot = state_slot(p.layout, s);
  ScanRows rows(p.layout, s, (p.reverse >> group) & 1, /*from_start=*/true);
  for (std::int32_t i = 0; i < count; ++i) {
    if (p.states != nullptr && i % kScanTile == 0) {
#pragma unroll
      for (int n = 0; n < kMaxStates; ++n) {
        if (n < states) store<A>(p.states, (slot * states + n) * p.channels + e, h[n]);
      }
      ++slot;
    }
    const std::int64_t row = rows.next(), bc = (row * p.groups + group) * states;
    const A u = load<T>(p.u, row * p.u_stride + e);
    const A dt = softplus(load<T>(p.delta, row * p.delta_stride + e) + bias), dtu = dt * u;
    A y = skip * u;
#pragma unroll
    for (int n = 0; n < kMaxStates; ++n) {
      if (n >= states) continue;
      h[n] = exp(dt * a[n]) * h[n] + dtu * load<T>(p.b, bc + n);
      y += load<T>(p.c, bc + n) * h[n];
    }
    if (p.z != nullptr) {
      const A z = load<T>(p.z, row * p.z_stride + e);
      y *= z * sigmoid(z);
    }
    store<T>(p.out, row * p.channels + e, y);
  }
#pragma unroll
  for (int n = 0; n < kMaxStates; ++n) {
    if (n < states) store<A>(p.last_state, (s * states + n) * p.channels + e, h[n]);
  }
}

}  // namespace

cudaError_t scan_forward_cuda(const ScanParams& params, DType dtype, cudaStream_t stream) {
  const ScanGrid grid = scan_grid(params);
  if (params.layout.sequences == 0 || params.channels == 0) return cudaSuccess;
  const dim3 blocks(static_cast<unsigned>(params.layout.sequences),
                    static_cast<unsigned>(grid.blocks * params.groups));
  with_type(dtype, [&](auto type) {
    using T = decltype(type);
    if (params.state_size <= 16) {
      scan_forward_kernel<T, 16><<<blocks, kScanThreads, 0, stream>>>(params, grid.blocks);
    } else {
      scan_forward_kernel<T, 64><<<blocks, kScanThreads, 0, stream>>>(params, grid.blocks);
    }
  });
  return cudaGetLastError();
}

}  // namespace mabert::kernels
