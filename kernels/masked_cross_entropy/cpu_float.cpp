#include "kernels/common/highway_targets.h"
#include "kernels/masked_cross_entropy/cpu.h"

#include <cmath>

// The order of these matters: foreach_target.h includes this file once for each target.
// clang-format off
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernels/masked_cross_entropy/cpu_float.cpp"
#include <hwy/foreach_target.h>
#include <hwy/highway.h>
#include "kernels/common/vector_math-inl.h"
// clang-format on

HWY_BEFORE_NAMESPACE();
namespace mabert::kernels::cross_entropy_simd {
namespace HWY_NAMESPACE {

using namespace mabert::kernels::HWY_NAMESPACE;

float LogSumExp(const float* x, std::int64_t count) {
  const FloatTag d;
  const std::int64_t lanes = static_cast<std::int64_t>(hn::Lanes(d));
  const std::int64_t whole = count / lanes * lanes;
  float largest = x[0];
  FloatVec top = hn::Set(d, x[0]);
  for (std::int64_t i = 0; i < whole; i += lanes) top = hn::Max(top, hn::LoadU(d, x + i));
  largest = hn::GetLane(hn::MaxOfLanes(d, top));
  for (std::int64_t i = whole; i < count; ++i) largest = x[i] > largest ? x[i] : largest;
  const FloatVec shift = hn::Set(d, largest);
  FloatVec sums = hn::Zero(d);
  for (std::int64_t i = 0; i < whole; i += lanes)
    sums = hn::Add(sums, Exp(hn::Sub(hn::LoadU(d, x + i), shift)));
  float sum = hn::GetLane(hn::SumOfLanes(d, sums));
  for (std::int64_t i = whole; i < count; ++i) sum += ::expf(x[i] - largest);
  return largest + ::logf(sum);
}

void ScaledExp(const float* x, std::int64_t count, float shift, float scale, float* to) {
  const FloatTag d;
  const std::int64_t lanes = static_cast<std::int64_t>(hn::Lanes(d));
  const std::int64_t whole = count / lanes * lanes;
  for (std::int64_t i = 0; i < whole; i += lanes) {
    hn::StoreU(hn::Mul(hn::Set(d, scale), Exp(hn::Sub(hn::LoadU(d, x + i), hn::Set(d, shift)))), d, to + i);
  }
  for (std::int64_t i = whole; i < count; ++i) to[i] = scale * ::expf(x[i] - shift);
}

}  // namespace HWY_NAMESPACE
}  // namespace mabert::kernels::cross_entropy_simd
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace mabert::kernels {
namespace cross_entropy_simd {
HWY_EXPORT(LogSumExp);
HWY_EXPORT(ScaledExp);
}  // namespace cross_entropy_simd

using namespace cross_entropy_simd;

float log_sum_exp_float(const float* x, std::int64_t count) {
  return HWY_DYNAMIC_DISPATCH(LogSumExp)(x, count);
}

void scaled_exp_float(const float* x, std::int64_t count, float shift, float scale, float* to) {
  HWY_DYNAMIC_DISPATCH(ScaledExp)(x, count, shift, scale, to);
}

}  // namespace mabert::kernels
#endif
