#pragma once

#include <span>

namespace mabert::metrics {

/// Pearson's correlation of paired values, in [-1, 1].
/// r = Σ (x - x̄)(y - ȳ) / √(Σ (x - x̄)² Σ (y - ȳ)²), in two passes.
/// NaN with fewer than two pairs, when all values of a side are equal, and when a value is not finite.
/// Errors: UsageError unless both sides have the same number of values.
double pearson(std::span<const double> x, std::span<const double> y);

/// Spearman's rank correlation: Pearson's of the ranks, where equal values share the mean of their ranks.
/// NaN with fewer than two pairs, when all values of a side are equal, and when a value is NaN.
/// Errors: UsageError unless both sides have the same number of values.
double spearman(std::span<const double> x, std::span<const double> y);

}  // namespace mabert::metrics
