#pragma once

#include <cstdint>
#include <vector>

namespace mabert::bench {

/// Middle and spread of repeated measurements: quantiles 0.1, 0.5 and 0.9.
struct Summary {
  double median = 0, low = 0, high = 0;
  std::int64_t samples = 0;
};

/// Quantile q in [0, 1] of `values` (any order, not empty), linear between neighbours.
double quantile(std::vector<double> values, double q);

/// Errors: UsageError without values.
Summary summarize(const std::vector<double>& values);

}  // namespace mabert::bench
