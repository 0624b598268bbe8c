#pragma once

#include <cstdint>

#include <ATen/Parallel.h>
#include <ATen/core/Tensor.h>
#include <ATen/ops/empty.h>

namespace mabert::kernels {

/// (parts, ...) float to (...): added in order, whatever the number of threads.
inline at::Tensor sum_parts(const at::Tensor& parts) {
  const at::Tensor total = at::empty(parts.sizes().slice(1), parts.options());
  const std::int64_t count = parts.size(0), size = total.numel();
  const float* const from = parts.const_data_ptr<float>();
  float* const to = total.mutable_data_ptr<float>();
  at::parallel_for(0, size, 4096, [&](std::int64_t first, std::int64_t last) {
    for (std::int64_t i = first; i < last; ++i) to[i] = 0.0f;
    for (std::int64_t part = 0; part < count; ++part) {
      for (std::int64_t i = first; i < last; ++i) to[i] += from[part * size + i];
    }
  });
  return total;
}

}  // namespace mabert::kernels
