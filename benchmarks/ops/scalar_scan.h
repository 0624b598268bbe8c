#pragma once

#include "benchmarks/ops/checks.h"

#include <cstdint>
#include <vector>

#include "mabert/ops/selective_scan.h"

namespace mabert::bench {

/// The selective scan as anyone would first write it: a loop over rows, channels and states with the
/// library's exp, in float, both loops shared among threads by (sequence, channel). Only what the comparison
/// needs: a dense batch of `sequences` equal lengths in one direction, with z, D and bias, without initial
/// state. (T, E).
at::Tensor scalar_scan_forward(const ops::ScanInputs& in, std::int64_t sequences);

/// Gradients of u, delta, a, b, c, d, delta_bias and z, named du, ddelta, ... in that order.
std::vector<NamedTensor> scalar_scan_backward(const ops::ScanInputs& in, const at::Tensor& grad,
                                              std::int64_t sequences);

}  // namespace mabert::bench
