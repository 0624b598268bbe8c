#include "kernels/common/block_reduce.cuh"
#include "kernels/common/cuda_types.cuh"
#include "kernels/selective_scan/general.h"

namespace mabert::kernels {
namespace {

constexpr int kWarps = static_cast<int>(kScanThreads) / 32;

// Every thread of a block walks the same rows of the same sequence, so the block can meet at each step to sum
// dB and dC over its channels: within warps by shuffles, then over the warps in order. Threads beyond the
// group's width take part with zeros.
template <class T, int kMaxStates>
__global__ void scan_backward_kernel(ScanParams p, ScanGradients g, ScanGrid grid) {
  using A = typename Accumulate<T>::type;
  __shared__ A sums[2][kMaxStates][kWarps];
  const std::int64_t part = blockIdx.x, group = blockIdx.y / grid.blocks, block = blockIdx.y % grid.blocks;
  const std::int64_t width = p.channels / p.groups, in_group = block * kScanThreads + threadIdx.x;
  const bool active = in_group < width;
  const std::int64_t e = group * width + (active ? in_group : 0);
  const int states = static_cast<int>(p.state_size), warp = threadIdx.x / 32;
  const A bias = p.delta_bias != nullptr ? load<A>(p.delta_bias, e) : A(0);
  const A skip = p.d != nullptr ? load<A>(p.d, e) : A(0);
  A a[kMaxStates], da[kMaxStates], dbias = 0, dskip = 0;
#pragma unroll
  for (int n = 0; n < kMaxStates; ++n) {
    a[n] = n < states ? load<A>(p.a, n * p.channels + e) : A(0);
    da[n] = 0;
  }

  for (std::int64_t s = part; s < p.layout.sequences; s += grid.parts) {
    for (std::int64_t row = p.layout.offsets[s]; row < p.layout.offsets[s + 1]; ++row) {
      if (is_valid(p.layout, row)) continue;
      if (active) {
        store<T>(g.du, row * p.channels + e, A(0));
        store<T>(g.ddelta, row * p.channels + e, A(0));
        if (g.dz != nullptr) store<T>(g.dz, row * p.channels + e, A(0));
      }
      if (threadIdx.x < 2 * states) {
        const std::int64_t at =
            ((block * p.layout.rows + row) * p.groups + group) * states + threadIdx.x % states;
        store<A>(static_cast<int>(threadIdx.x) < states ? g.db : g.dc, at, A(0));
      }
    }
    A carry[kMaxStates];
#pragma unroll
    for (int n = 0; n < kMaxStates; ++n) carry[n] = 0;
    const std::int32_t count = count_valid(p.layout, s);
    ScanRows rows(p.layout, s, (p.reverse >> group) & 1, /*from_start=*/false);
    const std::int32_t tile_size = static_cast<std::int32_t>(kScanTile);
    for (std::int32_t first = (count - 1) / tile_size * tile_size; count > 0 && first >= 0;
         first -= tile_size) {
      const std::int32_t steps = min(tile_size, count - first);
      std::int32_t tile[kScanTile];
      for (std::int32_t i = steps - 1; i >= 0; --i) tile[i] = rows.next();
      // Rebuild the state before each step from the saved one.
      A h[kMaxStates], before[kScanTile][kMaxStates];
      const std::int64_t slot = state_slot(p.layout, s) + first / tile_size;
#pragma unroll
      for (int n = 0; n < kMaxStates; ++n) {
        h[n] = n < states ? load<A>(p.states, (slot * states + n) * p.channels + e) : A(0);
      }
      for (std::int32_t i = 0; i < steps; ++i) {
        const std::int64_t row = tile[i], bc = (row * p.groups + group) * states;
        const A dt = softplus(load<T>(p.delta, row * p.delta_stride + e) + bias);
        const A dtu = dt * load<T>(p.u, row * p.u_stride + e);
#pragma unroll
        for (int n = 0; n < kMaxStates; ++n) {
          if (n >= states) continue;
          before[i][n] = h[n];
          h[n] = exp(dt * a[n]) * h[n] + dtu * load<T>(p.b, bc + n);
        }
      }
      for (std::int32_t i = steps - 1; i >= 0; --i) {
        const std::int64_t row = tile[i], bc = (row * p.groups + group) * states;
        const A x = load<T>(p.delta, row * p.delta_stride + e) + bias, dt = softplus(x);
        const A u = load<T>(p.u, row * p.u_stride + e), dtu = dt * u;
        const A dout = active ? load<T>(g.grad_out, row * g.grad_out_stride + e) : A(0);
        A z = 0, gate = 1, dy = dout;
        if (p.z != nullptr) {
          z = load<T>(p.z, row * p.z_stride + e);
          gate = sigmoid(z);
          dy = dout * z * gate;
        }
        A y = skip * u, du = skip * dy, ddt = 0;
#pragma unroll
        for (int n = 0; n < kMaxStates; ++n) {
          if (n >= states) continue;
          const A b = load<T>(p.b, bc + n), c = load<T>(p.c, bc + n), decay = exp(dt * a[n]);
          const A kept = decay * before[i][n], state = kept + dtu * b;
          const A dh = active ? carry[n] + dy * c : A(0);
          y += c * state;
          du += dh * dt * b;
          ddt += dh * (kept * a[n] + b * u);
          da[n] += dh * kept * dt;
          carry[n] = dh * decay;
          const A db = warp_reduce<Add>(active ? dh * dtu : A(0)),
                  dc = warp_reduce<Add>(active ? dy * state : A(0));
          if (threadIdx.x % 32 == 0) {
            sums[0][n][warp] = db;
            sums[1][n][warp] = dc;
          }
        }
        const A ddelta = ddt * sigmoid(x);
        dbias += ddelta;
        dskip += dy * u;
        if (active) {
          store<T>(g.du, row * p.channels + e, du);
          store<T>(g.ddelta, row * p.channels + e, ddelta);
          if (p.z != nullptr)
            store<T>(g.dz, row * p.channels + e, dout * gate * (A(1) + z * (A(1) - gate)) * y);
        }
        __syncthreads();
        if (threadIdx.x < 2 * states) {
          const int which = static_cast<int>(threadIdx.x) < states ? 0 : 1, n = threadIdx.x % states;
          A total = 0;
          for (int w = 0; w < kWarps; ++w) total += sums[which][n][w];
          store<A>(which == 0 ? g.db : g.dc, ((block * p.layout.rows + row) * p.groups + group) * states + n,
                   total);
        }
        __syncthreads();
      }
    }
    if (active && g.dinitial_state != nullptr) {
#pragma unroll
      for (int n = 0; n < kMaxStates; ++n) {
        if (n < states) store<A>(g.dinitial_state, (s * states + n) * p.channels + e, carry[n]);
      }
    }
  }
  if (!active) return;
#pragma unroll
  for (int n = 0; n < kMaxStates; ++n) {
    if (n < states) store<A>(g.da, (part * states + n) * p.channels + e, da[n]);
  }
  store<A>(g.dd, part * p.channels + e, dskip);
  store<A>(g.ddelta_bias, part * p.channels + e, dbias);
}

}  // namespace

cudaError_t scan_backward_cuda(const ScanParams& params, const ScanGradients& gradients, DType dtype,
                               cudaStream_t stream) {
  const ScanGrid grid = scan_grid(params);
  if (grid.parts == 0 || params.channels == 0) return cudaSuccess;
  const dim3 blocks(static_cast<unsigned>(grid.parts), static_cast<unsigned>(grid.blocks * params.groups));
  with_type(dtype, [&](auto type) {
    using T = decltype(type);
    if (params.state_size <= 16) {
      scan_backward_kernel<T, 16><<<blocks, kScanThreads, 0, stream>>>(params, gradients, grid);
    } else {
      scan_backward_kernel<T, 64><<<blocks, kScanThreads, 0, stream>>>(params, gradients, grid);
    }
  });
  return cudaGetLastError();
}

}  // namespace mabert::kernels
