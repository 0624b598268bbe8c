#include "benchmarks/harness/statistics.h"

#include <algorithm>
#include <cmath>
#include <numeric>
#include <string>

#include "mabert/core/error.h"

namespace mabert::bench {

double quantile(std::vector<double> values, double q) {
  if (values.empty()) throw UsageError("[statistics] expected at least one measurement, got none");
  std::sort(values.begin(), values.end());
  const double place = q * static_cast<double>(values.size() - 1);
  const auto below = static_cast<std::size_t>(std::floor(place));
  const std::size_t above = std::min(below + 1, values.size() - 1);
  return values[below] + (place - static_cast<double>(below)) * (values[above] - values[below]);
}

Summary summarize(const std::vector<double>& values) {
  return {.median = quantile(values, 0.5),
          .low = quantile(values, 0.1),
          .high = quantile(values, 0.9),
          .samples = static_cast<std::int64_t>(values.size())};
}

TimeSpread spread(const std::vector<double>& milliseconds) {
  TimeSpread result{.p10 = quantile(milliseconds, 0.1),
                    .p50 = quantile(milliseconds, 0.5),
                    .p90 = quantile(milliseconds, 0.9),
                    .p95 = quantile(milliseconds, 0.95),
                    .p99 = quantile(milliseconds, 0.99)};
  const auto count = static_cast<double>(milliseconds.size());
  result.mean = std::accumulate(milliseconds.begin(), milliseconds.end(), 0.0) / count;
  result.samples = static_cast<std::int64_t>(milliseconds.size());
  return result;
}

LinearFit linear_fit(const std::vector<double>& x, const std::vector<double>& y) {
  if (x.size() != y.size() || x.size() < 2) {
    throw UsageError("[statistics] linear fit: expected at least two points, got " +
                     std::to_string(x.size()) + " x and " + std::to_string(y.size()) + " y");
  }
  const auto count = static_cast<double>(x.size());
  const double mean_x = std::accumulate(x.begin(), x.end(), 0.0) / count;
  const double mean_y = std::accumulate(y.begin(), y.end(), 0.0) / count;
  double xx = 0, xy = 0, yy = 0;
  for (std::size_t i = 0; i < x.size(); ++i) {
    xx += (x[i] - mean_x) * (x[i] - mean_x);
    xy += (x[i] - mean_x) * (y[i] - mean_y);
    yy += (y[i] - mean_y) * (y[i] - mean_y);
  }
  if (!std::isfinite(xx + xy + yy) || xx <= 0) {
    throw UsageError("[statistics] linear fit: expected finite numbers and at least two different x");
  }
  const double slope = xy / xx;
  return {.intercept = mean_y - slope * mean_x, .slope = slope, .r2 = yy > 0 ? slope * xy / yy : 1.0};
}

}  // namespace mabert::bench
