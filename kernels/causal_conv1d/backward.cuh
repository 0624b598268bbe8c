#pragma once

#include "kernels/causal_conv1d/ring.cuh"
#include "kernels/causal_conv1d/walk.cuh"
#include "kernels/causal_conv1d/weights.cuh"

#include <type_traits>

namespace mabert::kernels {

/// Bytes of the ring, and later of each warp's sums.
template <class T, int kVector, int kTaps>
__host__ __device__ constexpr int backward_memory() {
  using A = typename Accumulate<T>::type;
  const int ring = RowRing<T, kVector, kTaps, 2>::kBytes;
  const int sums = kConvWarps * ConvFilter<kVector, kTaps, A>::kTile * static_cast<int>(sizeof(A));
  return ring > sums ? ring : sums;
}

/// Backward in one walk. At every row the sum is formed again from the last kTaps rows of x and gives dpre,
/// the gradient before the SiLU, which is added to the gradients of those rows; they wait in registers until
/// the walk is kTaps - 1 rows past them. So a warp walks kTaps - 1 rows more than it owns. The gradient of
/// the filter is summed over a warp's own rows, then over the block's warps, in a fixed order: one part per
/// block.
template <class T, int kVector, int kTaps, int kBlocks>
__global__ void __launch_bounds__(32 * kConvWarps, kBlocks)
    conv_backward_kernel(const ConvCall call, const ConvPlan plan, const ConvOutputGradient grad_out,
                         const ConvGradientOutputs outputs) {
#if __CUDA_ARCH__ >= 900
  cudaTriggerProgrammaticLaunchCompletion();  // the sum of the parts may be launched: it waits for their
                                              // memory
#endif
  using A = typename Accumulate<T>::type;
  using P = Pack<T, kVector>;
  using Filter = ConvFilter<kVector, kTaps, A>;
  using Ring = RowRing<T, kVector, kTaps, 2>;
  constexpr int kChannels = Filter::kChannels, kTile = Filter::kTile;
  __shared__ __align__(16) A tile[kTile];
  extern __shared__ __align__(16)
      std::uint8_t memory[];  // the ring, then each warp's sums; behind them the counts
  const ConvWalk walk(call, plan);
  const int lane = static_cast<int>(threadIdx.x % 32), warp = static_cast<int>(threadIdx.x / 32);
  const std::int64_t in_group = walk.block_channel + lane * kVector;
  const bool active = in_group < plan.group_channels && walk.begin < walk.end;
  const int last = walk.end + kTaps - 1;
  const std::int64_t channel = walk.group * plan.group_channels + in_group, size = sizeof(T);
  const std::int64_t x_step = walk.step * call.x_stride * size,
                     grad_step = walk.step * grad_out.stride * size,
                     dx_step = walk.step * call.channels * size;
  const std::int64_t first = walk.row(walk.begin);
  const char* const x_at = static_cast<const char*>(call.x) + (first * call.x_stride + channel) * size;
  const char* const grad_at =
      static_cast<const char*>(grad_out.data) + (first * grad_out.stride + channel) * size;
  char* dx_at =
      static_cast<char*>(outputs.dx) + (first * call.channels + channel) * size - (kTaps - 1) * dx_step;

  // Memory answers late: the first rows are asked for before it is known whether they are valid.
  P earlier[kTaps];
#pragma unroll
  for (int k = 1; k < kTaps; ++k) {
    earlier[k] = P::zeros();
    if (active && walk.begin - k >= walk.lowest) earlier[k] = P::load(x_at - k * x_step);
  }
  Ring ring{memory + threadIdx.x * sizeof(P), {x_at, grad_at}, {x_step, grad_step}};
#pragma unroll
  for (int i = 0; i < Ring::kAhead; i += kTaps)
    ring.fetch([&](int j) { return active && walk.begin + i + j < min(last, walk.limit); });
  const auto column = Filter::load_column(call, plan, walk);
  const std::uint8_t* const counts =
      fill_tap_counts<kTaps, 4>(call, plan, walk, memory + backward_memory<T, kVector, kTaps>());
  Filter::store_column(column, tile);
  __syncthreads();
  const Filter filter(tile);

  A dtap[kTaps][kVector] = {}, dbias[kVector] = {};
  if (active) {
    A x[kTaps][kVector] = {}, dx[kTaps][kVector] = {};
    auto before = TapCounts<kTaps>::read(counts, walk.begin - kTaps, last);
#pragma unroll
    for (int k = 1; k < kTaps; ++k) {
      if (before[kTaps - k] > 0) earlier[k].widen_to(x[kTaps - k]);
    }
    // Plain: the warp owns all kTaps rows and they have all their taps, so nothing is asked for each of them.
    const auto advance = [&](int start, const TapCounts<kTaps>& now, auto plain) {
      constexpr bool kPlain = decltype(plain)::value;
#pragma unroll
      for (int j = 0; j < kTaps; ++j) {
        const int position = start + j;
        P row = ring.take(0, j), grad = ring.take(1, j);
        if (!kPlain && now[j] == 0) row = grad = P::zeros();
        A dpre[kVector], sum[kVector];
        row.widen_to(x[j]);
        grad.widen_to(dpre);
#pragma unroll
        for (int v = 0; v < kVector; ++v) sum[v] = filter.bias[v] + filter.tap[0][v] * x[j][v];
#pragma unroll
        for (int k = 1; k < kTaps; ++k) {
          if (kPlain || k < now[j]) {
#pragma unroll
            for (int v = 0; v < kVector; ++v) sum[v] += filter.tap[k][v] * x[(j + kTaps - k) % kTaps][v];
          }
        }
#pragma unroll
        for (int v = 0; v < kVector; ++v) {
          const A s = silu_sigmoid(sum[v]);
          dpre[v] *= s + sum[v] * s * (A(1) - s);
          dx[j][v] = filter.tap[0][v] * dpre[v];
        }
        const bool own = kPlain || position < walk.end;
        if (own) {
#pragma unroll
          for (int v = 0; v < kVector; ++v) dbias[v] += dpre[v], dtap[0][v] += dpre[v] * x[j][v];
        }
#pragma unroll
        for (int k = 1; k < kTaps; ++k) {
          if (!kPlain && k >= now[j]) continue;
#pragma unroll
          for (int v = 0; v < kVector; ++v) dx[(j + kTaps - k) % kTaps][v] += filter.tap[k][v] * dpre[v];
          if (own) {
#pragma unroll
            for (int v = 0; v < kVector; ++v) dtap[k][v] += dpre[v] * x[(j + kTaps - k) % kTaps][v];
          }
        }
        const int done = position - (kTaps - 1);
        if (done >= walk.begin && (kPlain || done < walk.end)) {
          P result = P::narrow_from(dx[(j + 1) % kTaps]);
          if (!kPlain && (j + 1 < kTaps ? before[(j + 1) % kTaps] : now[0]) == 0) result = P::zeros();
          result.store(dx_at);
        }
        dx_at += dx_step;
      }
    };
    const auto skip = [&](int start) {
#pragma unroll
      for (int j = 0; j < kTaps; ++j, dx_at += dx_step) {
#pragma unroll
        for (int v = 0; v < kVector; ++v) x[j][v] = dx[j][v] = A(0);
        const int done = start + j - (kTaps - 1);
        if (done >= walk.begin && done < walk.end) P::zeros().store(dx_at);
      }
    };
#pragma unroll 1
    for (int start = walk.begin; start < last; start += kTaps) {
      const auto coming = TapCounts<kTaps>::read(counts, start + Ring::kAhead, last);
      ring.fetch([&](int j) { return coming[j] > 0; });
      const auto now = TapCounts<kTaps>::read(counts, start, last);
      ring.wait();
      if (start + kTaps <= walk.end && before.all_equal(kTaps) && now.all_equal(kTaps)) {
        advance(start, now, std::true_type{});
      } else if (before.all_equal(0) && now.all_equal(0)) {
        skip(start);
      } else {
        advance(start, now, std::false_type{});
      }
      ring.advance();
      before = now;
    }
  }

  asm volatile("cp.async.wait_all;" ::: "memory");
  __syncthreads();  // nobody needs the ring any more
  A* const sums = reinterpret_cast<A*>(memory);
#pragma unroll
  for (int v = 0; v < kVector; ++v) {
#pragma unroll
    for (int k = 0; k < kTaps; ++k) sums[warp * kTile + k * kChannels + lane * kVector + v] = dtap[k][v];
    sums[warp * kTile + kTaps * kChannels + lane * kVector + v] = dbias[v];
  }
  __syncthreads();
#pragma unroll 1
  for (int i = static_cast<int>(threadIdx.x); i < kTile; i += static_cast<int>(blockDim.x)) {
    const int k = i / kChannels, c = i % kChannels;
    if ((k >= call.width && k < kTaps) || walk.block_channel + c >= plan.group_channels) continue;
    A total = 0;
    for (int w = 0; w < kConvWarps; ++w) total += sums[w * kTile + i];
    const std::int64_t row = static_cast<std::int64_t>(walk.row_block) * (call.width + 1) +
                             (k == kTaps ? call.width : call.width - 1 - k);
    static_cast<A*>(
        outputs.parts)[row * call.channels + walk.group * plan.group_channels + walk.block_channel + c] =
        total;
  }
}

}  // namespace mabert::kernels
