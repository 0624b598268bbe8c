#include "kernels/causal_conv1d/cpu.h"

#include <cmath>

// The definition, row by row: what every other body is compared with.
namespace mabert::kernels {
namespace {

double at(const void* x, std::int64_t index) { return static_cast<const double*>(x)[index]; }
double& ref(void* x, std::int64_t index) { return static_cast<double*>(x)[index]; }

std::int64_t source_of(const ConvParams& p, std::int64_t row, std::int64_t e, std::int64_t w) {
  const bool reverse = (p.reverse >> (e / (p.channels / p.groups))) & 1;
  return tap_row(p.layout, row, p.layout.sequence[row], p.width - 1 - w, reverse);
}

double convolve(const ConvParams& p, std::int64_t row, std::int64_t e) {
  double sum = p.bias != nullptr ? at(p.bias, e) : 0.0;
  for (std::int64_t w = 0; w < p.width; ++w) {
    const std::int64_t source = source_of(p, row, e, w);
    if (source >= 0) sum += at(p.weight, w * p.channels + e) * at(p.x, source * p.x_stride + e);
  }
  return sum;
}

}  // namespace

void conv_forward_double(const ConvParams& p) {
  for (std::int64_t row = 0; row < p.layout.rows; ++row) {
    const bool valid = is_valid(p.layout, row);
    for (std::int64_t e = 0; e < p.channels; ++e) {
      const double sum = valid ? convolve(p, row, e) : 0.0;
      ref(p.out, row * p.channels + e) = sum / (1.0 + std::exp(-sum));
    }
  }
}

// dx and dweight must start as zeros.
void conv_backward_double(const ConvParams& p, const ConvGradients& g) {
  for (std::int64_t row = 0; row < p.layout.rows; ++row) {
    if (!is_valid(p.layout, row)) continue;
    for (std::int64_t e = 0; e < p.channels; ++e) {
      const double sum = convolve(p, row, e), s = 1.0 / (1.0 + std::exp(-sum));
      const double dpre = at(g.grad_out, row * g.grad_out_stride + e) * s * (1.0 + sum * (1.0 - s));
      for (std::int64_t w = 0; w < p.width; ++w) {
        const std::int64_t source = source_of(p, row, e, w);
        if (source < 0) continue;
        ref(g.dx, source * p.channels + e) += dpre * at(p.weight, w * p.channels + e);
        ref(g.dweight, w * p.channels + e) += dpre * at(p.x, source * p.x_stride + e);
      }
      ref(g.dweight, p.width * p.channels + e) += dpre;
    }
  }
}

}  // namespace mabert::kernels
