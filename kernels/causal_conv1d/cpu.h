#pragma once

#include "kernels/causal_conv1d/params.h"

namespace mabert::kernels {

/// Rows over which one work item sums the weight's gradient.
inline constexpr std::int64_t kConvPartRows = 256;

/// float32, vectorised; each handles the rows [first, last), the second exactly one part.
void conv_forward_float(const ConvParams& params, std::int64_t first, std::int64_t last);
void conv_weight_gradient_float(const ConvParams& params, const ConvGradients& gradients, std::int64_t part);
void conv_input_gradient_float(const ConvParams& params, const ConvGradients& gradients, std::int64_t first,
                               std::int64_t last);

/// float64, plain loops: the oracle. One part.
void conv_forward_double(const ConvParams& params);
void conv_backward_double(const ConvParams& params, const ConvGradients& gradients);

}  // namespace mabert::kernels
