#include "mabert/nn/rotary.h"

#include <cmath>

#include <ATen/TensorOperators.h>
#include <ATen/ops/arange.h>
#include <ATen/ops/cat.h>
#include <ATen/ops/outer.h>

namespace mabert::nn {

at::Tensor apply_rotary(const at::Tensor& x, const at::Tensor& positions, double base) {
  const auto wide = x.scalar_type() == at::kDouble ? at::kDouble : at::kFloat;
  const std::int64_t pairs = x.size(2) / 2;
  const at::Tensor exponent =
      at::arange(pairs, x.options().dtype(wide)) * (-std::log(base) / static_cast<double>(pairs));
  const at::Tensor angle = at::outer(positions.to(wide), exponent.exp()).unsqueeze(1);  // (T, 1, K/2)
  const at::Tensor cosine = angle.cos(), sine = angle.sin();
  const auto halves = x.to(wide).chunk(2, 2);
  const at::Tensor first = halves[0] * cosine - halves[1] * sine;
  const at::Tensor second = halves[1] * cosine + halves[0] * sine;
  return at::cat({first, second}, 2).to(x.scalar_type());  // (T, H, K)
}

}  // namespace mabert::nn
