// Included once for each vector target; see hwy/foreach_target.h.
#if defined(MABERT_KERNELS_SELECTIVE_SCAN_CPU_TILE_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef MABERT_KERNELS_SELECTIVE_SCAN_CPU_TILE_INL_H_
#undef MABERT_KERNELS_SELECTIVE_SCAN_CPU_TILE_INL_H_
#else
#define MABERT_KERNELS_SELECTIVE_SCAN_CPU_TILE_INL_H_
#endif

#include "kernels/common/vector_math-inl.h"
#include "kernels/selective_scan/cpu.h"

#include <cstring>

// Vector lanes are channels. A tile is up to kScanTile valid rows of one sequence times kScanBlock channels,
// copied into dense buffers in the order of the scan; invalid rows never enter one. No templates of the
// standard library in here: they would be compiled for one target and linked for all.
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

HWY_INLINE void GatherRows(const void* from, std::int64_t stride, const Tile& tile, const ScanItem& item,
                           float* to) {
  const float* const base = static_cast<const float*>(from) + item.first_channel;
  for (std::int64_t i = 0; i < tile.count; ++i)
    CopyIn(base + tile.rows[i] * stride, tile.channels, to + i * kScanBlock);
}

HWY_INLINE void ScatterRows(const float* from, const Tile& tile, const ScanItem& item, std::int64_t stride,
                            void* to) {
  float* const base = static_cast<float*>(to) + item.first_channel;
  for (std::int64_t i = 0; i < tile.count; ++i) {
    std::memcpy(base + tile.rows[i] * stride, from + i * kScanBlock,
                static_cast<std::size_t>(tile.channels) * sizeof(float));
  }
}

// (state_size, kScanBlock) from and to (state_size, channels) at a slot of a larger array; absent: zeros.
HWY_INLINE void LoadState(const void* from, std::int64_t slot, const ScanParams& p, const ScanItem& item,
                          float* to) {
  for (std::int64_t n = 0; n < p.state_size; ++n) {
    CopyIn(from, (slot * p.state_size + n) * p.channels + item.first_channel, item, to + n * kScanBlock);
  }
}

HWY_INLINE void StoreState(const float* from, std::int64_t slot, const ScanParams& p, const ScanItem& item,
                           void* to) {
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
HWY_INLINE void StepSizes(const Tile& tile, const float* bias, const float* u, float* x, float* dt,
                          float* dtu) {
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

}  // namespace HWY_NAMESPACE
}  // namespace mabert::kernels::selective_scan_simd
HWY_AFTER_NAMESPACE();

#endif
