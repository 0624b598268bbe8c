#pragma once

#include <cstdint>
#include <vector>

namespace mabert::bench {

/// Middle and spread of repeated measurements: quantiles 0.1, 0.5 and 0.9.
struct Summary {
  double median = 0, low = 0, high = 0;
  std::int64_t samples = 0;
};

/// Times of one thing measured again and again, in milliseconds.
struct TimeSpread {
  double p10 = 0, p50 = 0, p90 = 0, p95 = 0, p99 = 0, mean = 0;
  std::int64_t samples = 0;

  /// What so few samples cannot tell is 0: p95 of fewer than 20, p99 of fewer than 100.
  double told_p95() const { return samples >= 20 ? p95 : 0; }
  double told_p99() const { return samples >= 100 ? p99 : 0; }
};

/// y ≈ intercept + slope · x by least squares. r2: share of the variance of y that the line explains (1 where
/// y does not vary).
struct LinearFit {
  double intercept = 0, slope = 0, r2 = 0;
};

/// Quantile q in [0, 1] of `values` (any order, not empty), linear between neighbours.
double quantile(std::vector<double> values, double q);

/// Errors: UsageError without values.
Summary summarize(const std::vector<double>& values);

/// Errors: UsageError for no times.
TimeSpread spread(const std::vector<double>& milliseconds);

/// Errors: UsageError unless there are as many x as y, at least two different x, and all are finite.
LinearFit linear_fit(const std::vector<double>& x, const std::vector<double>& y);

}  // namespace mabert::bench
