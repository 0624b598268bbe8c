#include "kernels/rotary/operators.h"

#include <algorithm>
#include <vector>

#include <ATen/Parallel.h>
#include <torch/library.h>

namespace mabert::kernels {
namespace {

template <class T>
void turn(const T* x, const std::vector<T>& cosine, const std::vector<T>& sine, T* out) {
  const std::size_t pairs = cosine.size();
  for (std::size_t i = 0; i < pairs; ++i) {
    const T first = x[i], second = x[i + pairs];
    out[i] = first * cosine[i] - second * sine[i];
    out[i + pairs] = second * cosine[i] + first * sine[i];
  }
}

template <class T>
void turn_row(const RotaryParams& p, std::int64_t row, const std::vector<T>& cosine,
              const std::vector<T>& sine) {
  for (int part = 0; part < p.parts; ++part) {
    const RotaryPart& of = p.part[part];
    for (std::int64_t head = 0; head < p.heads; ++head) {
      const T* const x = static_cast<const T*>(of.x) + row * of.x_row_stride + head * of.x_head_stride;
      T* const out = static_cast<T*>(of.out) + row * of.out_row_stride + head * 2 * p.pairs;
      if (part < kTurnedParts) {
        turn(x, cosine, sine, out);
      } else {
        std::copy_n(x, 2 * p.pairs, out);
      }
    }
  }
}

template <class T>
void run(const RotaryParams& p) {
  constexpr T kPi = static_cast<T>(3.14159265358979323846);
  const std::size_t pairs = static_cast<std::size_t>(p.pairs);
  std::vector<std::uint64_t> frequency(pairs);
  for (std::size_t i = 0; i < pairs; ++i) frequency[i] = rotary_frequency(p, static_cast<std::int64_t>(i));
  at::parallel_for(0, p.rows, 16, [&](std::int64_t first, std::int64_t last) {
    std::vector<T> cosine(pairs), sine(pairs);
    for (std::int64_t row = first; row < last; ++row) {
      for (std::size_t i = 0; i < pairs; ++i) {
        const T angle = kPi * rotary_half_turns<T>(frequency[i], p.positions[row]);
        cosine[i] = std::cos(angle);
        sine[i] = p.backwards ? -std::sin(angle) : std::sin(angle);
      }
      turn_row(p, row, cosine, sine);
    }
  });
}

void run_as(const RotaryParams& params, const at::Tensor& like) {
  like.scalar_type() == at::kDouble ? run<double>(params) : run<float>(params);
}

std::tuple<at::Tensor, at::Tensor, at::Tensor> forward(const at::Tensor& qkv, const at::Tensor& positions,
                                                       double base) {
  return rotary_forward(qkv, positions, base, run_as);
}

at::Tensor backward(const at::Tensor& grad_q, const at::Tensor& grad_k, const at::Tensor& grad_v,
                    const at::Tensor& positions, double base) {
  return rotary_backward(grad_q, grad_k, grad_v, positions, base, run_as);
}

}  // namespace

TORCH_LIBRARY_IMPL(mabert, CPU, m) {
  m.impl("rotary", &forward);
  m.impl("rotary_backward", &backward);
}

}  // namespace mabert::kernels
