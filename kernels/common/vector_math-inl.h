// Included once for each vector target; see hwy/foreach_target.h.
#if defined(MABERT_KERNELS_VECTOR_MATH_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef MABERT_KERNELS_VECTOR_MATH_INL_H_
#undef MABERT_KERNELS_VECTOR_MATH_INL_H_
#else
#define MABERT_KERNELS_VECTOR_MATH_INL_H_
#endif

#include <cstddef>

#include <hwy/highway.h>

HWY_BEFORE_NAMESPACE();
namespace mabert::kernels {
namespace HWY_NAMESPACE {

namespace hn = hwy::HWY_NAMESPACE;
using FloatTag = hn::CappedTag<float, 16>;
using FloatVec = hn::Vec<FloatTag>;

HWY_INLINE FloatVec Clamp(FloatVec x, float low, float high) {
  const FloatTag d;
  return hn::Min(hn::Max(x, hn::Set(d, low)), hn::Set(d, high));
}

// 2^x for x in [-126, 126], relative error 2e-7, exactly 1 at 0. Minimax polynomial of (2^f - 1) / f on
// [-1/2, 1/2].
HWY_INLINE FloatVec Exp2InRange(FloatVec x) {
  const FloatTag d;
  const hn::RebindToSigned<FloatTag> di;
  const FloatVec magic =
      hn::Set(d, 12582912.0f);  // 1.5 * 2^23: rounds to an integer held in the low mantissa bits
  const FloatVec shifted = hn::Add(x, magic);
  const FloatVec f = hn::Sub(x, hn::Sub(shifted, magic));
  FloatVec p = hn::Set(d, 1.3264727124e-03f);
  p = hn::MulAdd(p, f, hn::Set(d, 9.6715126448e-03f));
  p = hn::MulAdd(p, f, hn::Set(d, 5.5507337435e-02f));
  p = hn::MulAdd(p, f, hn::Set(d, 2.4022242085e-01f));
  p = hn::MulAdd(p, f, hn::Set(d, 6.9314697760e-01f));
  p = hn::MulAdd(p, f, hn::Set(d, 1.0f));
  return hn::BitCast(d, hn::Add(hn::BitCast(di, p), hn::ShiftLeft<23>(hn::BitCast(di, shifted))));
}

// Minimum and maximum may drop a NaN, depending on the target: it is put back.
HWY_INLINE FloatVec Exp(FloatVec x) {
  const FloatTag d;
  const FloatVec y = Exp2InRange(Clamp(hn::Mul(x, hn::Set(d, 1.44269504f)), -126.0f, 126.0f));
  return hn::IfThenElse(hn::Eq(x, x), y, x);
}

HWY_INLINE FloatVec Sigmoid(FloatVec x) {
  const FloatTag d;
  const FloatVec one = hn::Set(d, 1.0f);
  return hn::Div(one, hn::Add(one, Exp(hn::Neg(x))));
}

// log(1 + exp(x)) with small relative error everywhere: max(x, 0) + log1p(exp(-|x|)), log1p(e) = 2 atanh(e /
// (2 + e)).
HWY_INLINE FloatVec Softplus(FloatVec x) {
  const FloatTag d;
  const FloatVec e = Exp(hn::Neg(hn::Abs(x)));
  const FloatVec s = hn::Div(e, hn::Add(e, hn::Set(d, 2.0f)));
  const FloatVec w = hn::Mul(s, s);
  FloatVec p = hn::Set(d, 1.4095773449e-01f);
  p = hn::MulAdd(p, w, hn::Set(d, 1.3978832934e-01f));
  p = hn::MulAdd(p, w, hn::Set(d, 2.0012557159e-01f));
  p = hn::MulAdd(p, w, hn::Set(d, 3.3333155072e-01f));
  p = hn::MulAdd(p, w, hn::Set(d, 1.0f));
  return hn::MulAdd(hn::Add(s, s), p, hn::Max(hn::Zero(d), x));
}

}  // namespace HWY_NAMESPACE
}  // namespace mabert::kernels
HWY_AFTER_NAMESPACE();

#endif
