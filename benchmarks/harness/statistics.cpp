#include "benchmarks/harness/statistics.h"

#include <algorithm>
#include <cmath>

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

}  // namespace mabert::bench
