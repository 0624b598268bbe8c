#include "kernels/selective_scan/cpu.h"

#include <cstring>

#include "kernels/common/highway_targets.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernels/selective_scan/cpu_float.cpp"
#include <hwy/foreach_target.h>
#include <hwy/highway.h>

#include "kernels/common/vector_math-inl.h"

// Vector lanes are channels. A tile is up to kScanTile valid rows of one sequence times kScanBlock channels, copied into
// dense buffers in the order of the scan; invalid rows never enter one. No templates of the standard library in here:
// they would be compiled for one target and linked for all.
HWY_BEFORE_NAMESPACE();
namespace mabert::kernels::selective_scan_simd {
namespace HWY_NAMESPACE {

using namespace mabert::kernels::HWY_NAMESPACE;

constexpr std::int64_t kTileFloats = kScanTile * kScanBlock;

struct Tile {
  std::int64_t count, channels;
  std::int64_t vectors;  // of lanes that hold channels
  std::int32_t rows[kScanTile];
};

HWY_INLINE void CopyIn(const float* from, std::int64_t channels, float* to) {
  std::memcpy(to, from, static_cast<std::size_t>(channels) * sizeof(float));
  if (channels < kScanBlock) {
    std::memset(to + channels, 0, static_cast<std::size_t>(kScanBlock - channels) * sizeof(float));
  }
}

HWY_INLINE void CopyIn(const void* from, std::int64_t first_channel, const ScanItem& item, float* to) {
  if (from == nullptr) {
    std::memset(to, 0, kScanBlock * sizeof(float));
  } else {
    CopyIn(static_cast<const float*>(from) + first_channel, item.channels, to);
  }
}

HWY_INLINE void GatherRows(const void* from, std::int64_t stride, const Tile& tile, const ScanItem& item, float* to) {
  const float* const base = static_cast<const float*>(from) + item.first_channel;
  for (std::int64_t i = 0; i < tile.count; ++i) CopyIn(base + tile.rows[i] * stride, tile.channels, to + i * kScanBlock);
}

HWY_INLINE void ScatterRows(const float* from, const Tile& tile, const ScanItem& item, std::int64_t stride, void* to) {
  float* const base = static_cast<float*>(to) + item.first_channel;
  for (std::int64_t i = 0; i < tile.count; ++i) {
    std::memcpy(base + tile.rows[i] * stride, from + i * kScanBlock, static_cast<std::size_t>(tile.channels) * sizeof(float));
  }
}

// (state_size, kScanBlock) from and to (state_size, channels) at a slot of a larger array; absent: zeros.
HWY_INLINE void LoadState(const void* from, std::int64_t slot, const ScanParams& p, const ScanItem& item, float* to) {
  for (std::int64_t n = 0; n < p.state_size; ++n) {
    CopyIn(from, (slot * p.state_size + n) * p.channels + item.first_channel, item, to + n * kScanBlock);
  }
}

HWY_INLINE void StoreState(const float* from, std::int64_t slot, const ScanParams& p, const ScanItem& item, void* to) {
  for (std::int64_t n = 0; n < p.state_size; ++n) {
    std::memcpy(static_cast<float*>(to) + (slot * p.state_size + n) * p.channels + item.first_channel,
                from + n * kScanBlock, static_cast<std::size_t>(item.channels) * sizeof(float));
  }
}

// A in units of log 2, so that exp(dt A) is one exp2.
HWY_INLINE void LoadDecay(const ScanParams& p, const ScanItem& item, float* a2) {
  LoadState(p.a, 0, p, item, a2);
  for (std::int64_t i = 0; i < p.state_size * kScanBlock; ++i) a2[i] *= 1.44269504f;
}

HWY_INLINE FloatVec Decay(FloatVec dt, FloatVec a2) {
  const FloatTag d;
  return Exp2InRange(hn::Max(hn::Set(d, -100.0f), hn::Mul(dt, a2)));  // 2^-100 already forgets everything
}

HWY_INLINE const float* RowOf(const void* x, const ScanParams& p, const ScanItem& item, std::int32_t row) {
  return static_cast<const float*>(x) + (row * p.groups + item.group) * p.state_size;
}

// dt = softplus(delta + bias) and dt u, both (count, kScanBlock); x replaces delta by delta + bias.
HWY_INLINE void StepSizes(const Tile& tile, const float* bias, const float* u, float* x, float* dt, float* dtu) {
  const FloatTag d;
  const std::int64_t lanes = static_cast<std::int64_t>(hn::Lanes(d));
  for (std::int64_t i = 0; i < tile.count; ++i) {
    for (std::int64_t at = i * kScanBlock, k = 0; k < tile.vectors * lanes; k += lanes) {
      const FloatVec biased = hn::Add(hn::Load(d, x + at + k), hn::Load(d, bias + k));
      const FloatVec step = Softplus(biased);
      hn::Store(biased, d, x + at + k);
      hn::Store(step, d, dt + at + k);
      hn::Store(hn::Mul(step, hn::Load(d, u + at + k)), d, dtu + at + k);
    }
  }
}

HWY_INLINE void StartWithSkip(const Tile& tile, const float* skip, const float* u, float* y) {
  const FloatTag d;
  const std::int64_t lanes = static_cast<std::int64_t>(hn::Lanes(d));
  for (std::int64_t i = 0; i < tile.count; ++i) {
    for (std::int64_t at = i * kScanBlock, k = 0; k < tile.vectors * lanes; k += lanes) {
      hn::Store(hn::Mul(hn::Load(d, skip + k), hn::Load(d, u + at + k)), d, y + at + k);
    }
  }
}

void Forward(const ScanParams& p, const ScanItem& item, float* workspace) {
  const FloatTag d;
  const std::int64_t lanes = static_cast<std::int64_t>(hn::Lanes(d));
  const bool reverse = (p.reverse >> item.group) & 1;
  float* const a2 = workspace;
  float* const h = a2 + p.state_size * kScanBlock;
  float* const bias = h + p.state_size * kScanBlock;
  float* const skip = bias + kScanBlock;
  float* const u = skip + kScanBlock;
  float *const x = u + kTileFloats, *const dt = x + kTileFloats, *const dtu = dt + kTileFloats;
  float *const y = dtu + kTileFloats, *const z = y + kTileFloats;
  LoadDecay(p, item, a2);
  CopyIn(p.delta_bias, item.first_channel, item, bias);
  CopyIn(p.d, item.first_channel, item, skip);
  Tile tile{0, item.channels, (item.channels + lanes - 1) / lanes, {}};

  for (std::int64_t s = item.first_sequence; s < item.last_sequence; ++s) {
    LoadState(p.initial_state, s, p, item, h);
    ScanRows rows(p.layout, s, reverse, /*from_start=*/true);
    std::int64_t left = count_valid(p.layout, s);
    for (std::int64_t slot = state_slot(p.layout, s); left > 0; left -= tile.count, ++slot) {
      if (p.states != nullptr) StoreState(h, slot, p, item, p.states);
      tile.count = left < kScanTile ? left : kScanTile;
      for (std::int64_t i = 0; i < tile.count; ++i) tile.rows[i] = rows.next();
      GatherRows(p.u, p.u_stride, tile, item, u);
      GatherRows(p.delta, p.delta_stride, tile, item, x);
      StepSizes(tile, bias, u, x, dt, dtu);
      StartWithSkip(tile, skip, u, y);
      const float *b[kScanTile], *c[kScanTile];
      for (std::int64_t i = 0; i < tile.count; ++i) {
        b[i] = RowOf(p.b, p, item, tile.rows[i]);
        c[i] = RowOf(p.c, p, item, tile.rows[i]);
      }
      for (std::int64_t k = 0; k < tile.vectors * lanes; k += lanes) {
        for (std::int64_t n = 0; n < p.state_size; ++n) {
          const FloatVec decay = hn::Load(d, a2 + n * kScanBlock + k);
          FloatVec state = hn::Load(d, h + n * kScanBlock + k);
          for (std::int64_t i = 0; i < tile.count; ++i) {
            const std::int64_t at = i * kScanBlock + k;
            const FloatVec input = hn::Mul(hn::Load(d, dtu + at), hn::Set(d, b[i][n]));
            state = hn::MulAdd(Decay(hn::Load(d, dt + at), decay), state, input);
            hn::Store(hn::MulAdd(hn::Set(d, c[i][n]), state, hn::Load(d, y + at)), d, y + at);
          }
          hn::Store(state, d, h + n * kScanBlock + k);
        }
      }
      if (p.z != nullptr) {
        GatherRows(p.z, p.z_stride, tile, item, z);
        for (std::int64_t i = 0; i < tile.count * kScanBlock; i += lanes) {
          const FloatVec gate = hn::Load(d, z + i);
          hn::Store(hn::Mul(hn::Load(d, y + i), hn::Mul(gate, Sigmoid(gate))), d, y + i);
        }
      }
      ScatterRows(y, tile, item, p.channels, p.out);
    }
    StoreState(h, s, p, item, p.last_state);
  }
}

// Buffers of a backward item, each kScanBlock wide.
struct GradientBuffers {
  float *a2, *h, *carry, *da;                                // (state_size)
  float *bias, *skip, *dbias, *dskip;                        // (1)
  float *u, *x, *dt, *dtu, *dy, *y, *z, *dout, *s1, *sd;     // (kScanTile)
  float *decays, *kepts;                                   // (kScanTile) vectors: exp(dt A), exp(dt A) times the state before
  float *sum_b, *sum_c;                                      // (kScanTile) vectors: sums over the block's vectors
};

HWY_INLINE GradientBuffers PlaceBuffers(const ScanParams& p, float* at) {
  GradientBuffers w;
  float** const wide[] = {&w.a2, &w.h, &w.carry, &w.da};
  for (float** const buffer : wide) { *buffer = at; at += p.state_size * kScanBlock; }
  float** const single[] = {&w.bias, &w.skip, &w.dbias, &w.dskip};
  for (float** const buffer : single) { *buffer = at; at += kScanBlock; }
  float** const tiles[] = {&w.u, &w.x, &w.dt, &w.dtu, &w.dy, &w.y, &w.z, &w.dout, &w.s1, &w.sd};
  for (float** const buffer : tiles) { *buffer = at; at += kTileFloats; }
  float** const vectors[] = {&w.decays, &w.kepts, &w.sum_b, &w.sum_c};
  for (float** const buffer : vectors) { *buffer = at; at += kScanTile * 16; }
  return w;
}

// Gradient at the scan's output, and in z the factor of y in the gradient of z.
HWY_INLINE void GateGradient(const Tile& tile, bool gated, const GradientBuffers& w) {
  const FloatTag d;
  const std::int64_t lanes = static_cast<std::int64_t>(hn::Lanes(d));
  const FloatVec one = hn::Set(d, 1.0f);
  for (std::int64_t i = 0; i < tile.count * kScanBlock; i += lanes) {
    const FloatVec grad = hn::Load(d, w.dout + i);
    if (!gated) {
      hn::Store(grad, d, w.dy + i);
      continue;
    }
    const FloatVec z = hn::Load(d, w.z + i), s = Sigmoid(z);
    hn::Store(hn::Mul(grad, hn::Mul(z, s)), d, w.dy + i);
    hn::Store(hn::Mul(hn::Mul(grad, s), hn::MulAdd(z, hn::Sub(one, s), one)), d, w.z + i);
  }
}

// One tile of one state and one vector of channels: rebuild the states, then walk back.
HWY_INLINE void SweepState(const Tile& tile, std::int64_t k, std::int64_t n, const float* const* b, const float* const* c,
                           const GradientBuffers& w) {
  const FloatTag d;
  const std::int64_t lanes = static_cast<std::int64_t>(hn::Lanes(d));
  const std::int64_t at_state = n * kScanBlock + k;
  const FloatVec a2 = hn::Load(d, w.a2 + at_state);
  FloatVec h = hn::Load(d, w.h + at_state);
  for (std::int64_t i = 0; i < tile.count; ++i) {
    const std::int64_t at = i * kScanBlock + k;
    const FloatVec decay = Decay(hn::Load(d, w.dt + at), a2);
    const FloatVec kept = hn::Mul(decay, h);
    hn::Store(decay, d, w.decays + i * lanes);
    hn::Store(kept, d, w.kepts + i * lanes);
    h = hn::MulAdd(hn::Load(d, w.dtu + at), hn::Set(d, b[i][n]), kept);
    hn::Store(hn::MulAdd(hn::Set(d, c[i][n]), h, hn::Load(d, w.y + at)), d, w.y + at);
    // dC needs the state itself; its sum over channels is formed here while h is at hand.
    hn::Store(hn::MulAdd(hn::Load(d, w.dy + at), h, hn::Load(d, w.sum_c + i * lanes)), d, w.sum_c + i * lanes);
  }
  FloatVec carry = hn::Load(d, w.carry + at_state), da = hn::Load(d, w.da + at_state);
  for (std::int64_t i = tile.count - 1; i >= 0; --i) {
    const std::int64_t at = i * kScanBlock + k;
    const FloatVec dh = hn::MulAdd(hn::Load(d, w.dy + at), hn::Set(d, c[i][n]), carry);
    hn::Store(hn::MulAdd(dh, hn::Load(d, w.dtu + at), hn::Load(d, w.sum_b + i * lanes)), d, w.sum_b + i * lanes);
    hn::Store(hn::MulAdd(dh, hn::Set(d, b[i][n]), hn::Load(d, w.s1 + at)), d, w.s1 + at);
    const FloatVec through = hn::Mul(dh, hn::Load(d, w.kepts + i * lanes));
    da = hn::MulAdd(through, hn::Load(d, w.dt + at), da);
    hn::Store(hn::MulAdd(through, a2, hn::Load(d, w.sd + at)), d, w.sd + at);
    carry = hn::Mul(dh, hn::Load(d, w.decays + i * lanes));
  }
  hn::Store(carry, d, w.carry + at_state);
  hn::Store(da, d, w.da + at_state);
}

// From the sums over states to the gradients of u, delta, z, D and bias; they replace dt, x, z.
HWY_INLINE void FinishTile(const Tile& tile, bool gated, const GradientBuffers& w) {
  const FloatTag d;
  const std::int64_t lanes = static_cast<std::int64_t>(hn::Lanes(d));
  const FloatVec ln2 = hn::Set(d, 0.69314718f);
  for (std::int64_t k = 0; k < tile.vectors * lanes; k += lanes) {
    const FloatVec skip = hn::Load(d, w.skip + k);
    FloatVec dbias = hn::Load(d, w.dbias + k), dskip = hn::Load(d, w.dskip + k);
    for (std::int64_t i = tile.count - 1; i >= 0; --i) {
      const std::int64_t at = i * kScanBlock + k;
      const FloatVec u = hn::Load(d, w.u + at), dy = hn::Load(d, w.dy + at), s1 = hn::Load(d, w.s1 + at);
      const FloatVec ddt = hn::MulAdd(u, s1, hn::Mul(ln2, hn::Load(d, w.sd + at)));
      const FloatVec ddelta = hn::Mul(ddt, Sigmoid(hn::Load(d, w.x + at)));
      dbias = hn::Add(dbias, ddelta);
      dskip = hn::MulAdd(dy, u, dskip);
      hn::Store(hn::MulAdd(hn::Load(d, w.dt + at), s1, hn::Mul(skip, dy)), d, w.dt + at);
      hn::Store(ddelta, d, w.x + at);
      if (gated) hn::Store(hn::Mul(hn::Load(d, w.z + at), hn::Load(d, w.y + at)), d, w.z + at);
    }
    hn::Store(dbias, d, w.dbias + k);
    hn::Store(dskip, d, w.dskip + k);
  }
}

void Backward(const ScanParams& p, const ScanGradients& g, const ScanItem& item, float* workspace) {
  const FloatTag d;
  const std::int64_t lanes = static_cast<std::int64_t>(hn::Lanes(d));
  const bool reverse = (p.reverse >> item.group) & 1, gated = p.z != nullptr;
  const GradientBuffers w = PlaceBuffers(p, workspace);
  const std::size_t state_bytes = static_cast<std::size_t>(p.state_size * kScanBlock) * sizeof(float);
  LoadDecay(p, item, w.a2);
  CopyIn(p.delta_bias, item.first_channel, item, w.bias);
  CopyIn(p.d, item.first_channel, item, w.skip);
  std::memset(w.da, 0, state_bytes);
  std::memset(w.dbias, 0, kScanBlock * sizeof(float));
  std::memset(w.dskip, 0, kScanBlock * sizeof(float));
  Tile tile{0, item.channels, (item.channels + lanes - 1) / lanes, {}};

  for (std::int64_t s = item.first_sequence; s < item.last_sequence; ++s) {
    std::memset(w.carry, 0, state_bytes);
    const std::int64_t valid = count_valid(p.layout, s);
    ScanRows rows(p.layout, s, reverse, /*from_start=*/false);
    for (std::int64_t first = (valid - 1) / kScanTile * kScanTile; valid > 0 && first >= 0; first -= kScanTile) {
      tile.count = valid - first < kScanTile ? valid - first : kScanTile;
      for (std::int64_t i = tile.count - 1; i >= 0; --i) tile.rows[i] = rows.next();
      LoadState(p.states, state_slot(p.layout, s) + first / kScanTile, p, item, w.h);
      GatherRows(p.u, p.u_stride, tile, item, w.u);
      GatherRows(p.delta, p.delta_stride, tile, item, w.x);
      GatherRows(g.grad_out, g.grad_out_stride, tile, item, w.dout);
      if (gated) GatherRows(p.z, p.z_stride, tile, item, w.z);
      StepSizes(tile, w.bias, w.u, w.x, w.dt, w.dtu);
      GateGradient(tile, gated, w);
      StartWithSkip(tile, w.skip, w.u, w.y);
      std::memset(w.s1, 0, kTileFloats * sizeof(float));
      std::memset(w.sd, 0, kTileFloats * sizeof(float));
      const float *b[kScanTile], *c[kScanTile];
      for (std::int64_t i = 0; i < tile.count; ++i) {
        b[i] = RowOf(p.b, p, item, tile.rows[i]);
        c[i] = RowOf(p.c, p, item, tile.rows[i]);
      }
      for (std::int64_t n = 0; n < p.state_size; ++n) {
        std::memset(w.sum_b, 0, kScanTile * 16 * sizeof(float));
        std::memset(w.sum_c, 0, kScanTile * 16 * sizeof(float));
        for (std::int64_t k = 0; k < tile.vectors * lanes; k += lanes) SweepState(tile, k, n, b, c, w);
        for (std::int64_t i = 0; i < tile.count; ++i) {
          const std::int64_t at =
              ((item.block * p.layout.rows + tile.rows[i]) * p.groups + item.group) * p.state_size + n;
          static_cast<float*>(g.db)[at] = hn::GetLane(hn::SumOfLanes(d, hn::Load(d, w.sum_b + i * lanes)));
          static_cast<float*>(g.dc)[at] = hn::GetLane(hn::SumOfLanes(d, hn::Load(d, w.sum_c + i * lanes)));
        }
      }
      FinishTile(tile, gated, w);
      ScatterRows(w.dt, tile, item, p.channels, g.du);
      ScatterRows(w.x, tile, item, p.channels, g.ddelta);
      if (gated) ScatterRows(w.z, tile, item, p.channels, g.dz);
    }
    if (g.dinitial_state != nullptr) StoreState(w.carry, s, p, item, g.dinitial_state);
  }
  StoreState(w.da, item.part, p, item, g.da);
  const std::size_t channel_bytes = static_cast<std::size_t>(item.channels) * sizeof(float);
  std::memcpy(static_cast<float*>(g.dd) + item.part * p.channels + item.first_channel, w.dskip, channel_bytes);
  std::memcpy(static_cast<float*>(g.ddelta_bias) + item.part * p.channels + item.first_channel, w.dbias, channel_bytes);
}

}  // namespace HWY_NAMESPACE
}  // namespace mabert::kernels::selective_scan_simd
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace mabert::kernels {
namespace selective_scan_simd {
HWY_EXPORT(Forward);
HWY_EXPORT(Backward);
}  // namespace selective_scan_simd

using namespace selective_scan_simd;
std::int64_t scan_workspace(const ScanParams& params) {
  return 4 * params.state_size * kScanBlock + 4 * kScanBlock + 10 * kScanTile * kScanBlock + 4 * kScanTile * 16;
}

void scan_forward_float(const ScanParams& params, const ScanItem& item, float* workspace) {
  HWY_DYNAMIC_DISPATCH(Forward)(params, item, workspace);
}

void scan_backward_float(const ScanParams& params, const ScanGradients& gradients, const ScanItem& item, float* workspace) {
  HWY_DYNAMIC_DISPATCH(Backward)(params, gradients, item, workspace);
}

}  // namespace mabert::kernels
#endif
