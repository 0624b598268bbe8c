#pragma once

#include "kernels/selective_scan/chunks.cuh"
#include "kernels/selective_scan/params.h"
#include "kernels/selective_scan/rows.cuh"
#include "kernels/selective_scan/warp_tile.cuh"

#include <cstddef>

namespace mabert::kernels {

/// One tile of rows in shared memory, as loaded.
template <class T, int kSteps, int kWidth>
struct alignas(16) AdjointTile {
  T delta[kSteps][kWidth], z[kSteps][kWidth], grad[kSteps][kWidth], c[kSteps][16];
};

/// What each chunk but the first makes of a zero gradient of its last state: the gradient of the state before
/// its first row, and Σ Δ. The recurrence of the backward alone: g ← exp(Δ·A) · (g + dy·C).
template <class Variant>
__global__ void __launch_bounds__(32, Variant::kBlocks)
    scan_adjoint_warp(const ScanParams p, const ScanGradients in, const ScanChunks chunks) {
  using V = Variant;
  using T = typename V::T;
  using Tile = WarpTile<V::kChannels>;
  constexpr int kSteps = V::kSteps, kChannels = V::kChannels, kElement = static_cast<int>(sizeof(T));
  constexpr int kPasses = kSteps / Tile::kTokens;
  using Copy = TileCopy<kSteps, Tile::kWidth * kElement>;
  using CopyC = TileCopy<kSteps, 16 * kElement>;
  using Loaded = AdjointTile<T, kSteps, Tile::kWidth>;
  __shared__ Loaded loaded[2];
  __shared__ float2 steps[kSteps][Tile::kPitch];  // Δ, gradient of y
  const unsigned loaded_address = static_cast<unsigned>(__cvta_generic_to_shared(loaded));
  const Tile lane;
  const ScanTask task(p, chunks, Tile::kWidth);
  const int count = task.end, begin = task.begin;
  let_next_kernel_start();
  if (task.sequence >= p.layout.sequences || task.chunk == 0 || begin >= count) return;
  const std::int64_t s = task.sequence, direction = task.direction, origin = task.origin;
  const int g = task.group, e0 = task.first_channel, e_last = task.last_channel;
  const bool inside = e0 + lane.own_channel() <= e_last;
  const int own = min(e0 + lane.own_channel(), e_last);

  const int column = e0 + Copy::byte() / kElement;
  const bool present = column < p.channels;
  const Rows<T> delta(p.delta, origin, direction, p.delta_stride, column);
  const Rows<T> grad(in.grad_out, origin, direction, in.grad_out_stride, column);
  const Rows<T> z(V::kGate ? p.z : p.delta, origin, direction, V::kGate ? p.z_stride : p.delta_stride,
                  column);
  const Rows<T> c_rows(p.c, origin, direction, p.c_stride, g * p.c_group_stride + CopyC::byte() / kElement);
  const bool* const valid = V::kMask ? p.layout.valid + origin : nullptr;

  const auto load_tile = [&](int i0, int stage) {
    const unsigned to = loaded_address + stage * static_cast<unsigned>(sizeof(Loaded));
#pragma unroll
    for (int copy = 0; copy < Copy::kCopies; ++copy) {
      const int t = Copy::row(copy), i = min(i0 + t, count - 1);
      const unsigned at = to + t * Tile::kWidth * kElement + Copy::byte();
      copy_async<Copy::kVector>(at + offsetof(Loaded, delta), delta.at(i), present);
      copy_async<Copy::kVector>(at + offsetof(Loaded, grad), grad.at(i), present);
      if constexpr (V::kGate) copy_async<Copy::kVector>(at + offsetof(Loaded, z), z.at(i), present);
    }
#pragma unroll
    for (int copy = 0; copy < CopyC::kCopies; ++copy) {
      const int t = CopyC::row(copy), i = min(i0 + t, count - 1);
      bool there = true;
      if constexpr (V::kMask) there = valid[i * direction];
      copy_async<CopyC::kVector>(to + offsetof(Loaded, c) + t * 16 * kElement + CopyC::byte(), c_rows.at(i),
                                 there);
    }
  };
  float sum_of_steps = 0;
  int stage = 0;
  const int last_tile = (count - 1 - begin) / kSteps * kSteps + begin;
  load_tile(last_tile, 0);
  float a[kChannels][4], carry[kChannels][4];
#pragma unroll
  for (int j = 0; j < kChannels; ++j) {
    const float4 rate = static_cast<const float4*>(p.a)[min(e0 + lane.channel(j), e_last) * 4ll + lane.quad];
    a[j][0] = rate.x * kLog2E, a[j][1] = rate.y * kLog2E, a[j][2] = rate.z * kLog2E,
    a[j][3] = rate.w * kLog2E;
    carry[j][0] = carry[j][1] = carry[j][2] = carry[j][3] = 0;
  }
  const float bias = (p.delta_bias != nullptr ? load<float>(p.delta_bias, own) : 0.0f) * kLog2E;
  for (int i0 = last_tile; i0 >= begin; i0 -= kSteps, stage ^= 1) {
    wait_for_copies();
    __syncwarp();
    if (i0 > begin) load_tile(i0 - kSteps, stage ^ 1);
    const Loaded& rows = loaded[stage];
    float2 step[kPasses];
#pragma unroll
    for (int pass = 0; pass < kPasses; ++pass) {
      const int t = pass * Tile::kTokens + lane.own_token(), channel = lane.own_channel();
      bool there = inside && i0 + t < count;
      if constexpr (V::kMask) there = there && valid[min(i0 + t, count - 1) * direction];
      const float soft = softplus_from_log2<V::kFine>(fmaf(widen(rows.delta[t][channel]), kLog2E, bias));
      float dy = widen(rows.grad[t][channel]);
      if constexpr (V::kGate) {
        const float gate = widen(rows.z[t][channel]);
        dy *= gate * sigmoid_of<V::kFine>(gate);
      }
      step[pass] = make_float2(there ? soft : 0.0f, there ? dy : 0.0f);
      sum_of_steps += step[pass].x;
    }
#pragma unroll
    for (int pass = 0; pass < kPasses; ++pass) {
      steps[pass * Tile::kTokens + lane.own_token()][lane.own_channel()] = step[pass];
    }
    __syncwarp();
#pragma unroll
    for (int t = kSteps - 1; t >= 0; --t) {
      const float4 c4 = load_four(rows.c[t] + lane.quad * 4);
      const float c[4] = {c4.x, c4.y, c4.z, c4.w};
#pragma unroll
      for (int j = 0; j < kChannels; ++j) {
        const float2 now = steps[t][lane.channel(j)];
#pragma unroll
        for (int k = 0; k < 4; ++k)
          carry[j][k] = exp2_approx(now.x * a[j][k]) * fmaf(now.y, c[k], carry[j][k]);
      }
    }
  }
  const std::int64_t at = (s * chunks.count + task.chunk) * p.channels;
#pragma unroll
  for (int j = 0; j < kChannels; ++j) {
    const int e = e0 + lane.channel(j);
    store_state<float>(chunks.states, (at + e) * 16 + lane.quad * 4, carry[j], e <= e_last);
  }
  sum_of_steps = sum_over_tokens(lane, sum_of_steps);
  if (inside && lane.own_token() == 0) chunks.sums[at + own] = sum_of_steps;
}

}  // namespace mabert::kernels
