#pragma once

#include "kernels/selective_scan/chunks.cuh"
#include "kernels/selective_scan/params.h"
#include "kernels/selective_scan/rows.cuh"
#include "kernels/selective_scan/warp_tile.cuh"

#include <cstddef>
#include <type_traits>

namespace mabert::kernels {

/// Type of saved states where none are saved.
struct NoStates {};

/// One tile of rows in shared memory, as loaded; results replace u.
template <class T, int kSteps, int kWidth>
struct alignas(16) ForwardTile {
  T u[kSteps][kWidth], delta[kSteps][kWidth], z[kSteps][kWidth], bc[kSteps][32];
};

/// Variants of the forward. kOutput: false computes only the state at the end of each chunk.
template <class ElementType, class StateType, int kChannelsOfLane, int kStepsOfTile, int kIntervalOfStates,
          int kBlocksPerSM, bool kHasGate, bool kHasMask, bool kHasOutput = true>
struct ForwardVariant {
  using T = ElementType;
  using S = StateType;
  static constexpr int kChannels = kChannelsOfLane, kSteps = kStepsOfTile, kInterval = kIntervalOfStates;
  static constexpr int kBlocks = kBlocksPerSM;
  static constexpr bool kGate = kHasGate, kMask = kHasMask, kOutput = kHasOutput;
  static constexpr bool kSave = !std::is_same_v<S, NoStates>, kFine = std::is_same_v<T, float>;
};

/// One warp per (sequence, chunk of rows, tile of channels), in the order of the scan, kSteps rows at a time.
template <class Variant>
__global__ void __launch_bounds__(32, Variant::kBlocks)
    scan_forward_warp(const ScanParams p, const ScanChunks chunks) {
  using V = Variant;
  using T = typename V::T;
  using S = typename V::S;
  using Tile = WarpTile<V::kChannels>;
  constexpr int kSteps = V::kSteps, kChannels = V::kChannels, kElement = static_cast<int>(sizeof(T));
  constexpr int kPasses = kSteps / Tile::kTokens;
  using Copy = TileCopy<kSteps, Tile::kWidth * kElement>;
  using CopyBC = TileCopy<kSteps, 16 * kElement>;
  using Loaded = ForwardTile<T, kSteps, Tile::kWidth>;
  __shared__ Loaded loaded[3];                       // the tile in work, the next, the one after
  __shared__ float2 steps[2][kSteps][Tile::kPitch];  // Δ, Δ·u
  __shared__ float4 bc[2][kSteps][8];                // B, then C
  const unsigned loaded_address = static_cast<unsigned>(__cvta_generic_to_shared(loaded));
  const Tile lane;

  const ScanTask task(p, chunks, Tile::kWidth);
  if (task.sequence >= p.layout.sequences) return;
  const std::int64_t s = task.sequence;
  const int g = task.group, e0 = task.first_channel, e_last = task.last_channel;
  const bool inside = e0 + lane.own_channel() <= e_last;
  const int own = min(e0 + lane.own_channel(), e_last);
  const std::int64_t direction = task.direction, origin = task.origin;
  const int count = task.end;  // rows from the origin; this chunk begins at task.begin
  if (task.begin >= count && task.chunk > 0) return;
  if (!V::kOutput) {
    let_next_kernel_start();
    if (task.is_last) return;  // nobody continues from there
  }

  const int column = e0 + Copy::byte() / kElement, bc_column = CopyBC::byte() / kElement;
  const bool present = column < p.channels;
  const Rows<T> u(p.u, origin, direction, p.u_stride, column),
      delta(p.delta, origin, direction, p.delta_stride, column);
  const Rows<T> z(V::kGate ? p.z : p.u, origin, direction, V::kGate ? p.z_stride : p.u_stride, column);
  const Rows<T> b(p.b, origin, direction, p.b_stride, g * p.b_group_stride + bc_column);
  const Rows<T> c(p.c, origin, direction, p.c_stride, g * p.c_group_stride + bc_column);
  const bool* const valid = V::kMask ? p.layout.valid + origin : nullptr;
  std::int64_t slot = V::kSave ? (p.layout.offsets[s] / V::kInterval + s + task.begin / V::kInterval) : 0;

  // Rows beyond the last repeat it.
  const auto load_tile = [&](int i0, int stage) {
    const unsigned to = loaded_address + stage * static_cast<unsigned>(sizeof(Loaded));
#pragma unroll
    for (int copy = 0; copy < Copy::kCopies; ++copy) {
      const int t = Copy::row(copy), i = min(i0 + t, count - 1);
      const unsigned at = to + t * Tile::kWidth * kElement + Copy::byte();
      copy_async<Copy::kVector>(at + offsetof(Loaded, u), u.at(i), present);
      copy_async<Copy::kVector>(at + offsetof(Loaded, delta), delta.at(i), present);
      if constexpr (V::kGate && V::kOutput)
        copy_async<Copy::kVector>(at + offsetof(Loaded, z), z.at(i), present);
    }
#pragma unroll
    for (int copy = 0; copy < CopyBC::kCopies; ++copy) {
      const int t = CopyBC::row(copy), i = min(i0 + t, count - 1);
      bool there = true;
      if constexpr (V::kMask) there = valid[i * direction];
      const unsigned at = to + offsetof(Loaded, bc) + t * 32 * kElement + CopyBC::byte();
      copy_async<CopyBC::kVector>(at, b.at(i), there);
      if constexpr (V::kOutput) copy_async<CopyBC::kVector>(at + 16 * kElement, c.at(i), there);
    }
  };
  // Nothing is waited for before the first rows are on their way.
  if (task.begin < count) load_tile(task.begin, 0);
  float a[kChannels][4], h[kChannels][4];
#pragma unroll
  for (int j = 0; j < kChannels; ++j) {
    const int e = min(e0 + lane.channel(j), e_last);
    const float4 rate = static_cast<const float4*>(p.a)[e * 4ll + lane.quad];
    a[j][0] = rate.x * kLog2E, a[j][1] = rate.y * kLog2E, a[j][2] = rate.z * kLog2E,
    a[j][3] = rate.w * kLog2E;
    float4 state = make_float4(0, 0, 0, 0);
    if (V::kOutput && p.initial_state != nullptr) {
      state = static_cast<const float4*>(p.initial_state)[(s * p.channels + e) * 4 + lane.quad];
    }
    h[j][0] = state.x, h[j][1] = state.y, h[j][2] = state.z, h[j][3] = state.w;
  }
  const float bias = (p.delta_bias != nullptr ? load<float>(p.delta_bias, own) : 0.0f) * kLog2E;
  const float skip = p.d != nullptr ? load<float>(p.d, own) : 0.0f;

  const auto is_row = [&](int i) {
    bool there = i < count;
    if constexpr (V::kMask) there = there && valid[min(i, count - 1) * direction];
    return there;
  };
  float sum_of_steps = 0;
  // Each element once: Δ and Δ·u, exactly 0 where there is no valid row, so that the state is held. All reads
  // of shared memory come before all writes: the compiler cannot tell that they do not meet.
  const auto prepare = [&](int i0, int stage, int buffer) {
    const Loaded& from = loaded[stage];
    constexpr int kQuads = (kSteps + 3) / 4;
    float2 step[kPasses];
    float4 values[kQuads];
#pragma unroll
    for (int pass = 0; pass < kPasses; ++pass) {
      const int t = pass * Tile::kTokens + lane.own_token(), channel = lane.own_channel();
      step[pass] = make_float2(widen(from.delta[t][channel]), widen(from.u[t][channel]));
    }
#pragma unroll
    for (int i = 0; i < kQuads; ++i) values[i] = load_four(&from.bc[0][0] + (threadIdx.x + 32 * i) * 4);
#pragma unroll
    for (int pass = 0; pass < kPasses; ++pass) {
      const bool there = is_row(i0 + pass * Tile::kTokens + lane.own_token());
      const float soft = softplus_from_log2<V::kFine>(fmaf(step[pass].x, kLog2E, bias));
      step[pass].x = there ? soft : 0.0f;
      step[pass].y = V::kMask ? (there ? soft * step[pass].y : 0.0f) : step[pass].x * step[pass].y;
      if constexpr (!V::kOutput) sum_of_steps += step[pass].x;
    }
#pragma unroll
    for (int pass = 0; pass < kPasses; ++pass) {
      steps[buffer][pass * Tile::kTokens + lane.own_token()][lane.own_channel()] = step[pass];
    }
#pragma unroll
    for (int i = 0; i < kQuads; ++i) bc[buffer][0][threadIdx.x + 32 * i] = values[i];
  };
  const auto save_state = [&](bool there) {
#pragma unroll
    for (int j = 0; j < kChannels; ++j) {
      const int e = e0 + lane.channel(j);
      store_state<S>(p.states, (slot * p.channels + e) * 16 + lane.quad * 4, h[j], there && e <= e_last);
    }
    ++slot;
  };

  if (task.begin < count) {
    if constexpr (V::kOutput) {
      // The state before this chunk's first row, from what the chunks before it made of zero.
      wait_for_previous_kernel();
#pragma unroll 4
      for (int k = 0; k < task.chunk; ++k) {
#pragma unroll
        for (int j = 0; j < kChannels; ++j) {
          const std::int64_t at = (s * chunks.count + k) * p.channels + min(e0 + lane.channel(j), e_last);
          const float4 local = reinterpret_cast<const float4*>(chunks.states)[at * 4 + lane.quad];
          const float sum = chunks.sums[at];
          h[j][0] = fmaf(exp2_approx(sum * a[j][0]), h[j][0], local.x);
          h[j][1] = fmaf(exp2_approx(sum * a[j][1]), h[j][1], local.y);
          h[j][2] = fmaf(exp2_approx(sum * a[j][2]), h[j][2], local.z);
          h[j][3] = fmaf(exp2_approx(sum * a[j][3]), h[j][3], local.w);
        }
      }
    }
    wait_for_copies();
    __syncwarp();
    prepare(task.begin, 0, 0);
    load_tile(task.begin + kSteps, 1);
  }
  int buffer = 0, stage = 0;
  for (int i0 = task.begin; i0 < count; i0 += kSteps) {
    const int next = stage == 2 ? 0 : stage + 1;
    wait_for_copies();
    __syncwarp();
    load_tile(i0 + 2 * kSteps, next == 2 ? 0 : next + 1);
    Loaded& rows = loaded[stage];
    float results[kPasses];
#pragma unroll
    for (int pass = 0; pass < kPasses; ++pass) {
      float y[Tile::kTokens][kChannels];
#pragma unroll
      for (int token = 0; token < Tile::kTokens; ++token) {
        const int t = pass * Tile::kTokens + token;
        if constexpr (V::kSave) {
          if (t % V::kInterval == 0 && i0 % (V::kInterval > kSteps ? V::kInterval : 1) == 0)
            save_state(i0 + t < count);
        }
        const float4 b4 = bc[buffer][t][lane.quad], c4 = bc[buffer][t][4 + lane.quad];
        const float b_now[4] = {b4.x, b4.y, b4.z, b4.w}, c_now[4] = {c4.x, c4.y, c4.z, c4.w};
#pragma unroll
        for (int j = 0; j < kChannels; ++j) {
          const float2 step = steps[buffer][t][lane.channel(j)];
          float sum = 0;
#pragma unroll
          for (int k = 0; k < 4; ++k) {
            h[j][k] = fmaf(exp2_approx(step.x * a[j][k]), h[j][k], step.y * b_now[k]);
            sum = k == 0 ? h[j][0] * c_now[0] : fmaf(h[j][k], c_now[k], sum);
          }
          y[token][j] = sum;
        }
      }
      if constexpr (V::kOutput) {
        const int t = pass * Tile::kTokens + lane.own_token(), channel = lane.own_channel();
        results[pass] = fmaf(skip, widen(rows.u[t][channel]), lane.own_sum(y));
        if constexpr (V::kGate) {
          const float gate = widen(rows.z[t][channel]);
          results[pass] *= gate * sigmoid_of<V::kFine>(gate);
        }
        if constexpr (V::kMask) results[pass] = is_row(i0 + t) ? results[pass] : 0.0f;
      }
    }
    prepare(i0 + kSteps, next, buffer ^ 1);
    if constexpr (V::kOutput) {
#pragma unroll
      for (int pass = 0; pass < kPasses; ++pass) {
        rows.u[pass * Tile::kTokens + lane.own_token()][lane.own_channel()] = narrow<T, float>(results[pass]);
      }
      __syncwarp();
      write_tile<kSteps, Tile::kWidth * kElement>(
          Rows<T>(p.out, origin + direction * i0, direction, p.channels, column), rows.u, count - i0,
          column <= e_last);
    }
    buffer ^= 1, stage = next;
  }
  wait_for_copies();  // those past the last row

  if constexpr (!V::kOutput) {
    const std::int64_t at = (s * chunks.count + task.chunk) * p.channels;
#pragma unroll
    for (int j = 0; j < kChannels; ++j) {
      const int e = e0 + lane.channel(j);
      store_state<float>(chunks.states, (at + e) * 16 + lane.quad * 4, h[j], e <= e_last);
    }
    sum_of_steps = sum_over_tokens(lane, sum_of_steps);
    if (inside && lane.own_token() == 0) chunks.sums[at + own] = sum_of_steps;
  } else if (p.last_state != nullptr && task.is_last) {
#pragma unroll
    for (int j = 0; j < kChannels; ++j) {
      const int e = e0 + lane.channel(j);
      store_state<float>(p.last_state, (s * p.channels + e) * 16 + lane.quad * 4, h[j], e <= e_last);
    }
  }
  if (V::kOutput && task.chunk == 0) clear_outside<T>(lane, p.layout, s, p.out, p.channels, own, inside);
}

}  // namespace mabert::kernels
