#include "kernels/causal_conv1d/cpu.h"
#include "kernels/common/highway_targets.h"

#include <cstring>

// The order of these matters: foreach_target.h includes this file once for each target.
// clang-format off
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernels/causal_conv1d/cpu_float.cpp"
#include <hwy/foreach_target.h>
#include <hwy/highway.h>
#include "kernels/common/vector_math-inl.h"
// clang-format on

HWY_BEFORE_NAMESPACE();
namespace mabert::kernels::causal_conv1d_simd {
namespace HWY_NAMESPACE {

using namespace mabert::kernels::HWY_NAMESPACE;

HWY_INLINE FloatVec LoadSome(const float* from, std::int64_t count) {
  const FloatTag d;
  if (count >= static_cast<std::int64_t>(hn::Lanes(d))) return hn::LoadU(d, from);
  HWY_ALIGN float lanes[16] = {};
  std::memcpy(lanes, from, static_cast<std::size_t>(count) * sizeof(float));
  return hn::Load(d, lanes);
}

HWY_INLINE void StoreSome(FloatVec v, std::int64_t count, float* to) {
  const FloatTag d;
  if (count >= static_cast<std::int64_t>(hn::Lanes(d))) return hn::StoreU(v, d, to);
  HWY_ALIGN float lanes[16];
  hn::Store(v, d, lanes);
  std::memcpy(to, lanes, static_cast<std::size_t>(count) * sizeof(float));
}

/// What one output row reads in one group: taps[w] is null where history is zero.
struct Taps {
  const float* from[kMaxConvWidth];
};

HWY_INLINE Taps FindTaps(const ConvParams& p, std::int64_t row, std::int64_t group) {
  Taps taps;
  for (std::int64_t w = 0; w < p.width; ++w) {
    const std::int64_t source =
        tap_row(p.layout, row, p.layout.sequence[row], p.width - 1 - w, (p.reverse >> group) & 1);
    taps.from[w] = source < 0 ? nullptr : static_cast<const float*>(p.x) + source * p.x_stride;
  }
  return taps;
}

HWY_INLINE FloatVec Convolve(const ConvParams& p, const Taps& taps, std::int64_t e, std::int64_t count) {
  const FloatTag d;
  const float* const weight = static_cast<const float*>(p.weight);
  FloatVec sum = p.bias == nullptr ? hn::Zero(d) : LoadSome(static_cast<const float*>(p.bias) + e, count);
  for (std::int64_t w = 0; w < p.width; ++w) {
    if (taps.from[w] == nullptr) continue;
    sum = hn::MulAdd(LoadSome(weight + w * p.channels + e, count), LoadSome(taps.from[w] + e, count), sum);
  }
  return sum;
}

void Forward(const ConvParams& p, std::int64_t first, std::int64_t last) {
  const FloatTag d;
  const std::int64_t lanes = static_cast<std::int64_t>(hn::Lanes(d)), width = p.channels / p.groups;
  for (std::int64_t row = first; row < last; ++row) {
    float* const out = static_cast<float*>(p.out) + row * p.channels;
    if (!is_valid(p.layout, row)) {
      std::memset(out, 0, static_cast<std::size_t>(p.channels) * sizeof(float));
      continue;
    }
    for (std::int64_t group = 0; group < p.groups; ++group) {
      const Taps taps = FindTaps(p, row, group);
      for (std::int64_t k = 0; k < width; k += lanes) {
        const std::int64_t e = group * width + k;
        const FloatVec sum = Convolve(p, taps, e, width - k);
        StoreSome(hn::Mul(sum, Sigmoid(sum)), width - k, out + e);
      }
    }
  }
}

// dpre of the part's rows, and their share of the gradients of weight and bias.
void WeightGradient(const ConvParams& p, const ConvGradients& g, std::int64_t part) {
  const FloatTag d;
  const std::int64_t lanes = static_cast<std::int64_t>(hn::Lanes(d)), width = p.channels / p.groups;
  const FloatVec one = hn::Set(d, 1.0f);
  float* const dweight = static_cast<float*>(g.dweight) + part * (p.width + 1) * p.channels;
  std::memset(dweight, 0, static_cast<std::size_t>((p.width + 1) * p.channels) * sizeof(float));
  const std::int64_t first = part * kConvPartRows;
  const std::int64_t last = first + kConvPartRows < p.layout.rows ? first + kConvPartRows : p.layout.rows;
  for (std::int64_t row = first; row < last; ++row) {
    float* const dpre = static_cast<float*>(g.dpre) + row * p.channels;
    if (!is_valid(p.layout, row)) {
      std::memset(dpre, 0, static_cast<std::size_t>(p.channels) * sizeof(float));
      continue;
    }
    const float* const grad = static_cast<const float*>(g.grad_out) + row * g.grad_out_stride;
    for (std::int64_t group = 0; group < p.groups; ++group) {
      const Taps taps = FindTaps(p, row, group);
      for (std::int64_t k = 0; k < width; k += lanes) {
        const std::int64_t e = group * width + k, count = width - k;
        const FloatVec sum = Convolve(p, taps, e, count), s = Sigmoid(sum);
        const FloatVec slope = hn::Mul(s, hn::MulAdd(sum, hn::Sub(one, s), one));
        const FloatVec dy = hn::Mul(LoadSome(grad + e, count), slope);
        StoreSome(dy, count, dpre + e);
        for (std::int64_t w = 0; w < p.width; ++w) {
          if (taps.from[w] == nullptr) continue;
          float* const to = dweight + w * p.channels + e;
          StoreSome(hn::MulAdd(dy, LoadSome(taps.from[w] + e, count), LoadSome(to, count)), count, to);
        }
        float* const dbias = dweight + p.width * p.channels + e;
        StoreSome(hn::Add(LoadSome(dbias, count), dy), count, dbias);
      }
    }
  }
}

// A row's gradient gathers dpre from the rows that read it: the taps, mirrored.
void InputGradient(const ConvParams& p, const ConvGradients& g, std::int64_t first, std::int64_t last) {
  const FloatTag d;
  const std::int64_t lanes = static_cast<std::int64_t>(hn::Lanes(d)), width = p.channels / p.groups;
  ConvParams mirrored = p;
  mirrored.x = g.dpre;
  mirrored.x_stride = p.channels;
  mirrored.reverse = ~p.reverse;
  mirrored.bias = nullptr;
  for (std::int64_t row = first; row < last; ++row) {
    float* const dx = static_cast<float*>(g.dx) + row * p.channels;
    if (!is_valid(p.layout, row)) {
      std::memset(dx, 0, static_cast<std::size_t>(p.channels) * sizeof(float));
      continue;
    }
    for (std::int64_t group = 0; group < p.groups; ++group) {
      const Taps taps = FindTaps(mirrored, row, group);
      for (std::int64_t k = 0; k < width; k += lanes) {
        const std::int64_t e = group * width + k;
        StoreSome(Convolve(mirrored, taps, e, width - k), width - k, dx + e);
      }
    }
  }
}

}  // namespace HWY_NAMESPACE
}  // namespace mabert::kernels::causal_conv1d_simd
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace mabert::kernels {
namespace causal_conv1d_simd {
HWY_EXPORT(Forward);
HWY_EXPORT(WeightGradient);
HWY_EXPORT(InputGradient);
}  // namespace causal_conv1d_simd

using namespace causal_conv1d_simd;

void conv_forward_float(const ConvParams& params, std::int64_t first, std::int64_t last) {
  HWY_DYNAMIC_DISPATCH(Forward)(params, first, last);
}

void conv_weight_gradient_float(const ConvParams& params, const ConvGradients& gradients, std::int64_t part) {
  HWY_DYNAMIC_DISPATCH(WeightGradient)(params, gradients, part);
}

void conv_input_gradient_float(const ConvParams& params, const ConvGradients& gradients, std::int64_t first,
                               std::int64_t last) {
  HWY_DYNAMIC_DISPATCH(InputGradient)(params, gradients, first, last);
}

}  // namespace mabert::kernels
#endif
