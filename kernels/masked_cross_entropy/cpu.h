#pragma once

#include <cstdint>

namespace mabert::kernels {

/// log Σ exp of `count` floats. NaN if one is NaN.
float log_sum_exp_float(const float* x, std::int64_t count);

/// to = scale * exp(x - shift), `count` floats.
void scaled_exp_float(const float* x, std::int64_t count, float shift, float scale, float* to);

}  // namespace mabert::kernels
