#include "kernels/common/highway_targets.h"
#include "kernels/selective_scan/cpu.h"

// The order of these matters: foreach_target.h includes this file once for each target.
// clang-format off
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernels/selective_scan/cpu_forward_float.cpp"
#include <hwy/foreach_target.h>
#include <hwy/highway.h>
#include "kernels/selective_scan/cpu_tile-inl.h"
// clang-format on

HWY_BEFORE_NAMESPACE();
namespace mabert::kernels::selective_scan_simd {
namespace HWY_NAMESPACE {

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

}  // namespace HWY_NAMESPACE
}  // namespace mabert::kernels::selective_scan_simd
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace mabert::kernels {
namespace selective_scan_simd {
HWY_EXPORT(Forward);
}  // namespace selective_scan_simd

using namespace selective_scan_simd;

std::int64_t scan_workspace(const ScanParams& params) {
  return 4 * params.state_size * kScanBlock + 4 * kScanBlock + 10 * kScanTile * kScanBlock +
         4 * kScanTile * 16;
}

void scan_forward_float(const ScanParams& params, const ScanItem& item, float* workspace) {
  HWY_DYNAMIC_DISPATCH(Forward)(params, item, workspace);
}

}  // namespace mabert::kernels
#endif
