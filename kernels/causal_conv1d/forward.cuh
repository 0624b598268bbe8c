#pragma once

#include "kernels/causal_conv1d/ring.cuh"
#include "kernels/causal_conv1d/walk.cuh"
#include "kernels/causal_conv1d/weights.cuh"

#include <type_traits>

namespace mabert::kernels {

/// A warp walks its rows in time, kTaps at a time. Registers hold the last kTaps rows (slot = position mod
/// kTaps, so nothing moves), shared memory the next ones: x is read once, but for kTaps - 1 rows per warp.
template <class T, int kVector, int kTaps, int kBlocks>
__global__ void __launch_bounds__(32 * kConvWarps, kBlocks)
    conv_forward_kernel(const ConvCall call, const ConvPlan plan, void* const out) {
  using A = typename Accumulate<T>::type;
  using P = Pack<T, kVector>;
  using Filter = ConvFilter<kVector, kTaps, A>;
  using Ring = RowRing<T, kVector, kTaps, 1>;
  __shared__ __align__(16) A tile[Filter::kTile];
  extern __shared__ __align__(16) std::uint8_t memory[];
  const ConvWalk walk(call, plan);
  const std::int64_t in_group = walk.block_channel + threadIdx.x % 32 * kVector;
  const bool active = in_group < plan.group_channels && walk.begin < walk.end;
  const std::int64_t channel = walk.group * plan.group_channels + in_group, size = sizeof(T);
  const std::int64_t x_step = walk.step * call.x_stride * size, out_step = walk.step * call.channels * size;
  const std::int64_t first = walk.row(walk.begin);
  const char* const x_at = static_cast<const char*>(call.x) + (first * call.x_stride + channel) * size;
  char* out_at = static_cast<char*>(out) + (first * call.channels + channel) * size;

  // Memory answers late: the first rows are asked for before it is known whether they are valid.
  P earlier[kTaps];
#pragma unroll
  for (int k = 1; k < kTaps; ++k) {
    earlier[k] = P::zeros();
    if (active && walk.begin - k >= walk.lowest) earlier[k] = P::load(x_at - k * x_step);
  }
  Ring ring{memory + threadIdx.x * sizeof(P), {x_at}, {x_step}};
#pragma unroll
  for (int i = 0; i < Ring::kAhead; i += kTaps)
    ring.fetch([&](int j) { return active && walk.begin + i + j < walk.end; });
  const auto column = Filter::load_column(call, plan, walk);
  const std::uint8_t* const counts = fill_tap_counts<kTaps, 2>(call, plan, walk, memory + Ring::kBytes);
  Filter::store_column(column, tile);
  __syncthreads();
  if (!active) return;

  const Filter filter(tile);
  A x[kTaps][kVector] = {};
#pragma unroll
  for (int k = 1; k < kTaps; ++k) {
    if (counts[walk.begin - k] > 0) earlier[k].widen_to(x[kTaps - k]);
  }
  // Plain: all kTaps rows have all their taps, so nothing is asked for each of them.
  const auto advance = [&](int start, const TapCounts<kTaps>& now, auto plain) {
    constexpr bool kPlain = decltype(plain)::value;
#pragma unroll
    for (int j = 0; j < kTaps; ++j) {
      P row = ring.take(0, j);
      if (!kPlain && now[j] == 0) row = P::zeros();
      row.widen_to(x[j]);
      A sum[kVector];
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
      for (int v = 0; v < kVector; ++v) sum[v] *= silu_sigmoid(sum[v]);
      if (kPlain || start + j < walk.end) {
        P result = P::narrow_from(sum);
        if (!kPlain && now[j] == 0) result = P::zeros();
        result.store(out_at);
      }
      out_at += out_step;
    }
  };
  const auto skip = [&](int start) {
#pragma unroll
    for (int j = 0; j < kTaps; ++j, out_at += out_step) {
#pragma unroll
      for (int v = 0; v < kVector; ++v) x[j][v] = A(0);
      if (start + j < walk.end) P::zeros().store(out_at);
    }
  };
#pragma unroll 1
  for (int start = walk.begin; start < walk.end; start += kTaps) {
    const auto coming = TapCounts<kTaps>::read(counts, start + Ring::kAhead, walk.end);
    ring.fetch([&](int j) { return coming[j] > 0; });
    const auto now = TapCounts<kTaps>::read(counts, start, walk.end);
    ring.wait();
    if (now.all_equal(kTaps)) {
      advance(start, now, std::true_type{});
    } else if (now.all_equal(0)) {
      skip(start);
    } else {
      advance(start, now, std::false_type{});
    }
    ring.advance();
  }
  asm volatile("cp.async.wait_all;" ::: "memory");  // those past the last row
}

}  // namespace mabert::kernels
