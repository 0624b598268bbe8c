#include "mabert/metrics/correlation.h"

#include "mean.h"
#include "same_size.h"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <limits>
#include <numeric>
#include <vector>

namespace mabert::metrics {
namespace {

constexpr double kUndefined = std::numeric_limits<double>::quiet_NaN();

/// True for fewer than two values.
bool is_constant(std::span<const double> values) {
  return std::ranges::all_of(values, [&](double value) { return value == values.front(); });
}

/// Deviations from the mean, over the largest of them: neither their squares nor the sums of these overflow.
std::vector<double> scaled_deviations(std::span<const double> values) {
  const double mean = mean_of(values);
  std::vector<double> deviations;
  deviations.reserve(values.size());
  double largest = 0.0;
  for (const double value : values) {
    deviations.push_back(value - mean);
    largest = std::max(largest, std::abs(deviations.back()));
  }
  for (double& deviation : deviations) deviation /= largest;
  // Beside values that differ in their last bits only, the mean itself is coarse.
  const double rest = mean_of(deviations);
  for (double& deviation : deviations) deviation -= rest;
  return deviations;
}

double dot(const std::vector<double>& x, const std::vector<double>& y) {
  return std::inner_product(x.begin(), x.end(), y.begin(), 0.0);
}

/// 1 for the smallest value; equal values share the mean of their places. No value is NaN.
std::vector<double> average_ranks(std::span<const double> values) {
  std::vector<std::size_t> order(values.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::ranges::sort(order, {}, [&](std::size_t i) { return values[i]; });
  std::vector<double> ranks(values.size());
  for (std::size_t begin = 0, end = 0; begin < order.size(); begin = end) {
    while (end < order.size() && values[order[end]] == values[order[begin]]) ++end;
    const double rank = 0.5 * static_cast<double>(begin + 1 + end);
    for (std::size_t place = begin; place < end; ++place) ranks[order[place]] = rank;
  }
  return ranks;
}

bool has_nan(std::span<const double> values) {
  return std::ranges::any_of(values, [](double value) { return std::isnan(value); });
}

}  // namespace

double pearson(std::span<const double> x, std::span<const double> y) {
  require_same_size("y", x.size(), y.size());
  if (is_constant(x) || is_constant(y)) return kUndefined;
  const std::vector<double> dx = scaled_deviations(x), dy = scaled_deviations(y);
  return std::clamp(dot(dx, dy) / std::sqrt(dot(dx, dx) * dot(dy, dy)), -1.0, 1.0);
}

double spearman(std::span<const double> x, std::span<const double> y) {
  require_same_size("y", x.size(), y.size());
  if (has_nan(x) || has_nan(y)) return kUndefined;
  return pearson(average_ranks(x), average_ranks(y));
}

}  // namespace mabert::metrics
