#pragma once

#include "kernels/selective_scan/chunks.cuh"
#include "kernels/selective_scan/params.h"
#include "kernels/selective_scan/rows.cuh"
#include "kernels/selective_scan/warp_tile.cuh"

#include <cstddef>
#include <type_traits>

namespace mabert::kernels {

/// One segment of rows in shared memory, as loaded, and the state saved before it. Gradients replace what
/// they belong to: dΔ, dz and, in `grad`, du.
template <class T, class S, int kSteps, int kWidth>
struct alignas(16) BackwardTile {
  T u[kSteps][kWidth], delta[kSteps][kWidth], z[kSteps][kWidth], grad[kSteps][kWidth], bc[kSteps][32];
  S states[kWidth][16];
};

/// Variants of the backward. States are saved every kSteps rows.
template <class ElementType, class StateType, int kChannelsOfLane, int kStepsOfSegment, int kBlocksPerSM,
          bool kHasGate, bool kHasMask>
struct BackwardVariant {
  using T = ElementType;
  using S = StateType;
  static constexpr int kChannels = kChannelsOfLane, kSteps = kStepsOfSegment, kBlocks = kBlocksPerSM;
  static constexpr bool kGate = kHasGate, kMask = kHasMask, kFine = std::is_same_v<T, float>;
};

/// One warp per (run of sequences, chunk of rows, tile of channels), from the last to the first row, kSteps
/// rows at a time: rebuild the states of a segment from the saved one before it, in registers, then sweep it
/// backwards. Slot k of a lane's four states is state 4·quad + (k ^ group % 4): an order in which sums over
/// the warp's channels send and keep fixed registers.
template <class Variant>
__global__ void __launch_bounds__(32, Variant::kBlocks)
    scan_backward_warp(const ScanParams p, const ScanGradients out, const ScanChunks chunks) {
  using V = Variant;
  using T = typename V::T;
  using S = typename V::S;
  using Tile = WarpTile<V::kChannels>;
  constexpr int kSteps = V::kSteps, kChannels = V::kChannels, kElement = static_cast<int>(sizeof(T));
  constexpr int kPasses = kSteps / Tile::kTokens, kPlane = kSteps * 8 + 4,
                kStateBytes = 16 * static_cast<int>(sizeof(S));
  using Copy = TileCopy<kSteps, Tile::kWidth * kElement>;
  using CopyBC = TileCopy<kSteps, 16 * kElement>;
  using CopyStates = TileCopy<Tile::kWidth, kStateBytes>;
  using Loaded = BackwardTile<T, S, kSteps, Tile::kWidth>;
  __shared__ Loaded loaded[3];                       // the segment in work, the next, the one after
  __shared__ float2 steps[2][kSteps][Tile::kPitch];  // Δ, Δ·u
  __shared__ float grads[2][kSteps][Tile::kPitch];   // gradient of y
  __shared__ float4 bc[2][4 * kPlane];          // B, then C, of each row in each of the four orders of states
  __shared__ __align__(16) T sums[kSteps][32];  // gradients of B and C, over the warp's channels
  const unsigned loaded_address = static_cast<unsigned>(__cvta_generic_to_shared(loaded));
  const Tile lane;
  const int order = lane.group % 4;
  ScanTask task(p, chunks, Tile::kWidth);
  const int g = task.group, e0 = task.first_channel, e_last = task.last_channel;
  const int part = blockIdx.y * chunks.count + task.chunk;
  const bool inside = e0 + lane.own_channel() <= e_last;
  const int own = min(e0 + lane.own_channel(), e_last);
  const int column = e0 + Copy::byte() / kElement, bc_column = CopyBC::byte() / kElement;
  const bool present = column < p.channels, writes = column <= e_last;

  float a[kChannels][4], da[kChannels][4], bias = 0, skip = 0, dskip = 0, dbias = 0;
#pragma unroll
  for (int j = 0; j < kChannels; ++j) {
#pragma unroll
    for (int k = 0; k < 4; ++k) a[j][k] = da[j][k] = 0;
  }
  for (std::int64_t turn = blockIdx.y; turn < p.layout.sequences; turn += gridDim.y) {
    const std::int64_t s = p.layout.order[turn];
    task.sequence = s;
    task.locate(p, chunks);
    const std::int64_t direction = task.direction, origin = task.origin;
    const int count = task.end, begin = task.begin;
    float carry[kChannels][4];
#pragma unroll
    for (int j = 0; j < kChannels; ++j) {
#pragma unroll
      for (int k = 0; k < 4; ++k) carry[j][k] = 0;
    }
    const Rows<T> u(p.u, origin, direction, p.u_stride, column),
        delta(p.delta, origin, direction, p.delta_stride, column);
    const Rows<T> grad(out.grad_out, origin, direction, out.grad_out_stride, column);
    const Rows<T> z(V::kGate ? p.z : p.u, origin, direction, V::kGate ? p.z_stride : p.u_stride, column);
    const Rows<T> b_rows(p.b, origin, direction, p.b_stride, g * p.b_group_stride + bc_column);
    const Rows<T> c_rows(p.c, origin, direction, p.c_stride, g * p.c_group_stride + bc_column);
    const char* const states =
        reinterpret_cast<const char*>(static_cast<const S*>(p.states) +
                                      ((p.layout.offsets[s] / kSteps + s) * p.channels + e0) * 16) +
        CopyStates::byte();
    const bool* const valid = V::kMask ? p.layout.valid + origin : nullptr;

    const auto load_segment = [&](int i0, int stage) {
      const unsigned to = loaded_address + stage * static_cast<unsigned>(sizeof(Loaded));
#pragma unroll
      for (int copy = 0; copy < Copy::kCopies; ++copy) {
        const int t = Copy::row(copy), i = min(i0 + t, count - 1);
        const unsigned at = to + t * Tile::kWidth * kElement + Copy::byte();
        copy_async<Copy::kVector>(at + offsetof(Loaded, u), u.at(i), present);
        copy_async<Copy::kVector>(at + offsetof(Loaded, delta), delta.at(i), present);
        copy_async<Copy::kVector>(at + offsetof(Loaded, grad), grad.at(i), present);
        if constexpr (V::kGate) copy_async<Copy::kVector>(at + offsetof(Loaded, z), z.at(i), present);
      }
#pragma unroll
      for (int copy = 0; copy < CopyBC::kCopies; ++copy) {
        const int t = CopyBC::row(copy), i = min(i0 + t, count - 1);
        bool there = true;
        if constexpr (V::kMask) there = valid[i * direction];
        const unsigned at = to + offsetof(Loaded, bc) + t * 32 * kElement + CopyBC::byte();
        copy_async<CopyBC::kVector>(at, b_rows.at(i), there);
        copy_async<CopyBC::kVector>(at + 16 * kElement, c_rows.at(i), there);
      }
      const char* const slot = states + i0 / kSteps * p.channels * kStateBytes;
#pragma unroll
      for (int copy = 0; copy < CopyStates::kCopies; ++copy) {
        const int channel = CopyStates::row(copy);
        copy_async<CopyStates::kVector>(
            to + offsetof(Loaded, states) + channel * kStateBytes + CopyStates::byte(),
            slot + channel * kStateBytes, e0 + channel < p.channels);
      }
    };
    const auto is_row = [&](int i) {
      bool there = inside && i < count;
      if constexpr (V::kMask) there = there && valid[min(i, count - 1) * direction];
      return there;
    };
    // Each element once. All reads of shared memory come before all writes: the compiler cannot tell that
    // they do not meet.
    float gate_slope[kPasses];
    const auto prepare = [&](int i0, int stage, int buffer) {
      const Loaded& from = loaded[stage];
      constexpr int kQuads = (kSteps + 3) / 4;
      float2 step[kPasses];
      float dy[kPasses], z_own[kPasses];
      float4 values[kQuads];
#pragma unroll
      for (int pass = 0; pass < kPasses; ++pass) {
        const int t = pass * Tile::kTokens + lane.own_token(), channel = lane.own_channel();
        step[pass] = make_float2(widen(from.delta[t][channel]), widen(from.u[t][channel]));
        dy[pass] = widen(from.grad[t][channel]);
        z_own[pass] = V::kGate ? widen(from.z[t][channel]) : 0.0f;
      }
#pragma unroll
      for (int i = 0; i < kQuads; ++i) values[i] = load_four(&from.bc[0][0] + (threadIdx.x + 32 * i) * 4);
#pragma unroll
      for (int pass = 0; pass < kPasses; ++pass) {
        const bool there = is_row(i0 + pass * Tile::kTokens + lane.own_token());
        const float soft = softplus_from_log2<V::kFine>(fmaf(step[pass].x, kLog2E, bias));
        step[pass].x = there ? soft : 0.0f;
        step[pass].y = V::kMask ? (there ? soft * step[pass].y : 0.0f) : step[pass].x * step[pass].y;
        dy[pass] = there ? dy[pass] : 0.0f;
        if constexpr (V::kGate) {
          const float z_there = V::kMask && !there ? 0.0f : z_own[pass];
          const float gate = sigmoid_of<V::kFine>(z_there), gated = dy[pass] * gate;
          dy[pass] = gated * z_there;
          gate_slope[pass] = gated * fmaf(z_there, 1.0f - gate, 1.0f);
        }
      }
#pragma unroll
      for (int pass = 0; pass < kPasses; ++pass) {
        const int t = pass * Tile::kTokens + lane.own_token();
        steps[buffer][t][lane.own_channel()] = step[pass];
        grads[buffer][t][lane.own_channel()] = dy[pass];
      }
#pragma unroll
      for (int i = 0; i < kQuads; ++i) {
        float4* const to = bc[buffer] + threadIdx.x + 32 * i;
        const float4 x = values[i];
        to[0] = x;
        to[kPlane] = make_float4(x.y, x.x, x.w, x.z);
        to[2 * kPlane] = make_float4(x.z, x.w, x.x, x.y);
        to[3 * kPlane] = make_float4(x.w, x.z, x.y, x.x);
      }
    };

    const int last_segment = (count - 1 - begin) / kSteps * kSteps + begin;
    if (begin < count) load_segment(last_segment, 0);
    if (turn ==
        blockIdx.y) {  // once, but only now: nothing is waited for before the first rows are on their way
#pragma unroll
      for (int j = 0; j < kChannels; ++j) {
        const float* const rates =
            static_cast<const float*>(p.a) + min(e0 + lane.channel(j), e_last) * 16ll + lane.quad * 4;
#pragma unroll
        for (int k = 0; k < 4; ++k) a[j][k] = rates[k ^ order] * kLog2E;
      }
      bias = (p.delta_bias != nullptr ? load<float>(p.delta_bias, own) : 0.0f) * kLog2E;
      skip = p.d != nullptr ? load<float>(p.d, own) : 0.0f;
    }
    if (task.chunk == 0) {
      clear_outside<T>(lane, p.layout, s, out.du, p.channels, own, inside);
      clear_outside<T>(lane, p.layout, s, out.ddelta, p.channels, own, inside);
      if constexpr (V::kGate) clear_outside<T>(lane, p.layout, s, out.dz, p.channels, own, inside);
    }
    if (begin < count) {
      // The gradient of this chunk's last state, from what the chunks behind it made of zero.
      wait_for_previous_kernel();
      const int rows = task.is_last ? 0 : p.layout.end[s] - p.layout.begin[s];
#pragma unroll 4
      for (int later = task.is_last ? 0 : (rows - 1) / chunks.rows; later > task.chunk; --later) {
#pragma unroll
        for (int j = 0; j < kChannels; ++j) {
          const std::int64_t at = (s * chunks.count + later) * p.channels + min(e0 + lane.channel(j), e_last);
          const float sum = chunks.sums[at];
#pragma unroll
          for (int k = 0; k < 4; ++k) {
            const float local = chunks.states[at * 16 + lane.quad * 4 + (k ^ order)];
            carry[j][k] = fmaf(exp2_approx(sum * a[j][k]), carry[j][k], local);
          }
        }
      }
      wait_for_copies();
      __syncwarp();
      prepare(last_segment, 0, 0);
      if (last_segment > begin) load_segment(last_segment - kSteps, 1);
    }
    int buffer = 0, stage = 0;
    for (int i0 = last_segment; begin < count && i0 >= begin; i0 -= kSteps) {
      const int next = stage == 2 ? 0 : stage + 1;
      wait_for_copies();
      __syncwarp();
      if (i0 > begin + kSteps) load_segment(i0 - 2 * kSteps, next == 2 ? 0 : next + 1);
      Loaded& rows = loaded[stage];
      const float4* const my_bc = bc[buffer] + order * kPlane + lane.quad;
      const float2* const my_steps = steps[buffer][0];
      const float* const my_grads = grads[buffer][0];

      float decay[kSteps][kChannels][4], h[kSteps + 1][kChannels][4];
#pragma unroll
      for (int j = 0; j < kChannels; ++j) {
#pragma unroll
        for (int k = 0; k < 4; ++k)
          h[0][j][k] = widen(rows.states[lane.channel(j)][lane.quad * 4 + (k ^ order)]);
      }
#pragma unroll
      for (int t = 0; t < kSteps; ++t) {
        const float4 b4 = my_bc[t * 8];
        const float b[4] = {b4.x, b4.y, b4.z, b4.w};
#pragma unroll
        for (int j = 0; j < kChannels; ++j) {
          const float2 step = my_steps[t * Tile::kPitch + lane.channel(j)];
#pragma unroll
          for (int k = 0; k < 4; ++k) {
            decay[t][j][k] = exp2_approx(step.x * a[j][k]);
            h[t + 1][j][k] = fmaf(decay[t][j][k], h[t][j][k], step.y * b[k]);
          }
        }
      }

      // 0, but the compiler does not know: reading shared memory again then does not become keeping it in
      // registers.
      const int again = static_cast<int>(p.channels >> 40);
      const float4* const sweep_bc = my_bc + again;
      const float2* const sweep_steps = my_steps + again;
      float sum_bc[kSteps], du[kPasses], ddelta[kPasses], dz[kPasses];
#pragma unroll
      for (int pass = kPasses - 1; pass >= 0; --pass) {
        float y[Tile::kTokens][kChannels], inner[Tile::kTokens][kChannels], rate[Tile::kTokens][kChannels];
#pragma unroll
        for (int token = Tile::kTokens - 1; token >= 0; --token) {
          const int t = pass * Tile::kTokens + token;
          const float4 b4 = sweep_bc[t * 8], c4 = sweep_bc[t * 8 + 4];
          const float b[4] = {b4.x, b4.y, b4.z, b4.w}, c[4] = {c4.x, c4.y, c4.z, c4.w};
          float db[4] = {0, 0, 0, 0}, dc[4] = {0, 0, 0, 0};
#pragma unroll
          for (int j = 0; j < kChannels; ++j) {
            const float2 step = sweep_steps[t * Tile::kPitch + lane.channel(j)];
            const float dy = my_grads[t * Tile::kPitch + lane.channel(j)];
            float sum_y = 0, sum_inner = 0, sum_rate = 0;
#pragma unroll
            for (int k = 0; k < 4; ++k) {
              const float dh = fmaf(dy, c[k], carry[j][k]);
              db[k] = j == 0 ? step.y * dh : fmaf(step.y, dh, db[k]);
              dc[k] = j == 0 ? dy * h[t + 1][j][k] : fmaf(dy, h[t + 1][j][k], dc[k]);
              sum_inner = k == 0 ? b[k] * dh : fmaf(b[k], dh, sum_inner);
              if constexpr (V::kGate)
                sum_y = k == 0 ? c[k] * h[t + 1][j][k] : fmaf(c[k], h[t + 1][j][k], sum_y);
              carry[j][k] = decay[t][j][k] * dh;
              const float held = carry[j][k] * h[t][j][k];
              sum_rate = k == 0 ? a[j][k] * held : fmaf(a[j][k], held, sum_rate);
              da[j][k] = fmaf(step.x, held, da[j][k]);
            }
            y[token][j] = sum_y, inner[token][j] = sum_inner, rate[token][j] = sum_rate;
          }
          sum_bc[t] = lane.channel_sum(db, dc);
        }
        const int t = pass * Tile::kTokens + lane.own_token(), channel = lane.own_channel();
        const float dt = sweep_steps[t * Tile::kPitch + channel].x, dy = my_grads[t * Tile::kPitch + channel];
        float u_own = widen(rows.u[t][channel]);
        if constexpr (V::kMask) u_own = is_row(i0 + t) ? u_own : 0.0f;
        const float inner_own = lane.own_sum(inner), rate_own = lane.own_sum(rate);
        const float slope = V::kFine ? -expm1f(-dt) : 1.0f - exp2_approx(-kLog2E * dt);
        du[pass] = fmaf(dt, inner_own, skip * dy);
        ddelta[pass] = fmaf(u_own, inner_own, rate_own * kLn2) * slope;
        dskip = fmaf(dy, u_own, dskip);
        dbias += ddelta[pass];
        if constexpr (V::kGate) dz[pass] = gate_slope[pass] * fmaf(skip, u_own, lane.own_sum(y));
      }
      // Results stay in registers until here: a write to shared memory would hold back the reads behind it.
      __syncwarp();
#pragma unroll
      for (int pass = 0; pass < kPasses; ++pass) {
        const int t = pass * Tile::kTokens + lane.own_token(), channel = lane.own_channel();
        rows.grad[t][channel] = narrow<T, float>(du[pass]);
        rows.delta[t][channel] = narrow<T, float>(ddelta[pass]);
        if constexpr (V::kGate) rows.z[t][channel] = narrow<T, float>(dz[pass]);
      }
#pragma unroll
      for (int t = 0; t < kSteps; ++t)
        sums[t][lane.group / 4 * 16 + lane.quad * 4 + order] = narrow<T, float>(sum_bc[t]);
      if (i0 > begin) prepare(i0 - kSteps, next, buffer ^ 1);
      __syncwarp();
      const std::int64_t row = origin + direction * i0;
      const int left = count - i0;
      constexpr int kRowBytes = Tile::kWidth * kElement;
      write_tile<kSteps, kRowBytes>(Rows<T>(out.du, row, direction, p.channels, column), rows.grad, left,
                                    writes);
      write_tile<kSteps, kRowBytes>(Rows<T>(out.ddelta, row, direction, p.channels, column), rows.delta, left,
                                    writes);
      if constexpr (V::kGate) {
        write_tile<kSteps, kRowBytes>(Rows<T>(out.dz, row, direction, p.channels, column), rows.z, left,
                                      writes);
      }
      using CopySums = TileCopy<kSteps, 32 * kElement>;
      write_tile<kSteps, 32 * kElement>(Rows<T>(out.dbc, task.tile * p.layout.rows + row, direction,
                                                p.groups * 32, g * 32 + CopySums::byte() / kElement),
                                        sums, left, true);
      buffer ^= 1, stage = next;
    }
    __syncwarp();
    if (out.dinitial_state != nullptr && task.chunk == 0) {
#pragma unroll
      for (int j = 0; j < kChannels; ++j) {
        const int e = e0 + lane.channel(j);
#pragma unroll
        for (int k = 0; k < 4; ++k) {
          if (e <= e_last) {
            static_cast<float*>(out.dinitial_state)[(s * p.channels + e) * 16 + lane.quad * 4 + (k ^ order)] =
                carry[j][k];
          }
        }
      }
    }
  }

  // (parts, 18, channels' worth): dA, then dD, then the bias's gradient, each dense.
  float* const sums_of_part = static_cast<float*>(out.channel_sums) + part * p.channels * 18;
#pragma unroll
  for (int j = 0; j < kChannels; ++j) {
    const int e = e0 + lane.channel(j);
#pragma unroll
    for (int k = 0; k < 4; ++k) {
      if (e <= e_last) sums_of_part[e * 16ll + lane.quad * 4 + (k ^ order)] = da[j][k];
    }
  }
  dskip = sum_over_tokens(lane, dskip), dbias = sum_over_tokens(lane, dbias);
  if (inside && lane.own_token() == 0) {
    sums_of_part[p.channels * 16 + own] = dskip;
    sums_of_part[p.channels * 17 + own] = dbias;
  }
}

}  // namespace mabert::kernels
