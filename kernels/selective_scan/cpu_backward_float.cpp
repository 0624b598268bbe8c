#include "kernels/common/highway_targets.h"
#include "kernels/selective_scan/cpu.h"

// The order of these matters: foreach_target.h includes this file once for each target.
// clang-format off
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernels/selective_scan/cpu_backward_float.cpp"
#include <hwy/foreach_target.h>
#include <hwy/highway.h>
#include "kernels/selective_scan/cpu_tile-inl.h"
// clang-format on

HWY_BEFORE_NAMESPACE();
namespace mabert::kernels::selective_scan_simd {
namespace HWY_NAMESPACE {

// Buffers of a backward item, each kScanBlock wide.
struct GradientBuffers {
  float *a2, *h, *carry, *da;                             // (state_size)
  float *bias, *skip, *dbias, *dskip;                     // (1)
  float *u, *x, *dt, *dtu, *dy, *y, *z, *dout, *s1, *sd;  // (kScanTile)
  float *decays, *kepts;  // (kScanTile) vectors: exp(dt A), exp(dt A) times the state before
  float *sum_b, *sum_c;   // (kScanTile) vectors: sums over the block's vectors
};

HWY_INLINE GradientBuffers PlaceBuffers(const ScanParams& p, float* at) {
  GradientBuffers w;
  float** const wide[] = {&w.a2, &w.h, &w.carry, &w.da};
  for (float** const buffer : wide) {
    *buffer = at;
    at += p.state_size * kScanBlock;
  }
  float** const single[] = {&w.bias, &w.skip, &w.dbias, &w.dskip};
  for (float** const buffer : single) {
    *buffer = at;
    at += kScanBlock;
  }
  float** const tiles[] = {&w.u, &w.x, &w.dt, &w.dtu, &w.dy, &w.y, &w.z, &w.dout, &w.s1, &w.sd};
  for (float** const buffer : tiles) {
    *buffer = at;
    at += kTileFloats;
  }
  float** const vectors[] = {&w.decays, &w.kepts, &w.sum_b, &w.sum_c};
  for (float** const buffer : vectors) {
    *buffer = at;
    at += kScanTile * 16;
  }
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
HWY_INLINE void SweepState(const Tile& tile, std::int64_t k, std::int64_t n, const float* const* b,
                           const float* const* c, const GradientBuffers& w) {
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
    hn::Store(hn::MulAdd(hn::Load(d, w.dy + at), h, hn::Load(d, w.sum_c + i * lanes)), d,
              w.sum_c + i * lanes);
  }
  FloatVec carry = hn::Load(d, w.carry + at_state), da = hn::Load(d, w.da + at_state);
  for (std::int64_t i = tile.count - 1; i >= 0; --i) {
    const std::int64_t at = i * kScanBlock + k;
    const FloatVec dh = hn::MulAdd(hn::Load(d, w.dy + at), hn::Set(d, c[i][n]), carry);
    hn::Store(hn::MulAdd(dh, hn::Load(d, w.dtu + at), hn::Load(d, w.sum_b + i * lanes)), d,
              w.sum_b + i * lanes);
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
    for (std::int64_t first = (valid - 1) / kScanTile * kScanTile; valid > 0 && first >= 0;
         first -= kScanTile) {
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
  std::memcpy(static_cast<float*>(g.dd) + item.part * p.channels + item.first_channel, w.dskip,
              channel_bytes);
  std::memcpy(static_cast<float*>(g.ddelta_bias) + item.part * p.channels + item.first_channel, w.dbias,
              channel_bytes);
}

}  // namespace HWY_NAMESPACE
}  // namespace mabert::kernels::selective_scan_simd
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace mabert::kernels {
namespace selective_scan_simd {
HWY_EXPORT(Backward);
}  // namespace selective_scan_simd

using namespace selective_scan_simd;

void scan_backward_float(const ScanParams& params, const ScanGradients& gradients, const ScanItem& item,
                         float* workspace) {
  HWY_DYNAMIC_DISPATCH(Backward)(params, gradients, item, workspace);
}

}  // namespace mabert::kernels
#endif
