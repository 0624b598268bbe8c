#include "plot_axis.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <set>
#include <utility>

namespace mabert::app {
namespace {

constexpr double kLargest = 1e200;  // half the exponents of a double: differences and their logs stay finite
constexpr std::size_t kMostTicks = 12;
constexpr double kWantedTicks = 7;

std::string formatted(double value, std::chars_format format, int precision) {
  std::array<char, 400> buffer{};
  const auto end =
      std::to_chars(buffer.data(), buffer.data() + buffer.size(), value == 0 ? 0 : value, format, precision)
          .ptr;
  return {buffer.data(), end};
}

/// Commas between groups of three digits before the point.
std::string grouped(const std::string& text) {
  const std::size_t first = text.starts_with('-') ? 1 : 0;
  const std::size_t point = std::min(text.find('.'), text.size());
  std::string result;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (i > first && i < point && (point - i) % 3 == 0) result += ',';
    result += text[i];
  }
  return result;
}

/// With as many digits after the point as tell ticks `step` apart.
std::string tick_text(double value, double step, double largest) {
  const int decimals = std::max(0, static_cast<int>(-std::floor(std::log10(step) + 1e-9)));
  if (largest >= 1e7 || decimals > 6) return formatted(value, std::chars_format::general, 6);
  return grouped(formatted(value, std::chars_format::fixed, decimals));
}

/// 1, 2 or 5 times a power of ten: the first that divides `span` in no more than the wanted ticks.
double nice_step(double span) {
  const double rough = span / kWantedTicks;
  const double power = std::pow(10.0, std::floor(std::log10(rough)));
  for (const double factor : {1.0, 2.0, 5.0}) {
    if (factor * power >= rough * (1 - 1e-9)) return factor * power;
  }
  return 10 * power;
}

std::pair<double, double> ends(std::span<const double> values) {
  const auto [low, high] = std::minmax_element(values.begin(), values.end());
  return {*low, *high};
}

double scaled(PlotAxis::Scale scale, double value) {
  if (scale == PlotAxis::Scale::linear) return value;
  return scale == PlotAxis::Scale::log2 ? std::log2(value) : std::log10(value);
}

/// Every k-th, counted from the last, so that no more than the most remain.
void thin(std::vector<PlotAxis::Tick>& ticks) {
  const std::size_t every = (ticks.size() + kMostTicks - 1) / kMostTicks;
  if (every < 2) return;
  std::vector<PlotAxis::Tick> kept;
  for (std::size_t i = (ticks.size() - 1) % every; i < ticks.size(); i += every) kept.push_back(ticks[i]);
  ticks = std::move(kept);
}

}  // namespace

bool PlotAxis::can_show(double value) const {
  if (!(std::abs(value) <= kLargest)) return false;
  return scale == Scale::linear || value >= 1 / kLargest;
}

double PlotAxis::fraction(double value) const {
  if (scale != Scale::linear && value <= 0) return 0;
  return std::clamp((scaled(scale, value) - low) / (high - low), 0.0, 1.0);
}

std::string plot_number(double value) {
  const double size = std::abs(value);
  if (size >= 1e7 || (size > 0 && size < 1e-4)) return formatted(value, std::chars_format::general, 6);
  const int before = size >= 1 ? static_cast<int>(std::floor(std::log10(size))) + 1 : 1;
  std::string text = formatted(value, std::chars_format::fixed, std::max(0, 6 - before));
  if (text.find('.') != std::string::npos) {
    text.erase(text.find_last_not_of('0') + 1);
    if (text.ends_with('.')) text.pop_back();
  }
  return grouped(text);
}

PlotAxis linear_axis(std::span<const double> values, bool from_zero, bool to_ticks) {
  PlotAxis axis;
  auto [low, high] = ends(values);
  if (from_zero) {
    low = std::min(low, 0.0);
    high = std::max(high, 0.0);
  }
  const double largest = std::max(std::abs(low), std::abs(high));
  if (high - low <= 1e-9 * largest) {
    const double margin = largest > 0 ? 0.05 * largest : 1;
    low -= margin;
    high += margin;
  }
  const double margin = 0.04 * (high - low);
  if (!from_zero || low < 0) low -= margin;
  if (!from_zero || high > 0) high += margin;
  const double step = nice_step(high - low);
  if (to_ticks) {
    low = std::floor(low / step + 1e-9) * step;
    high = std::ceil(high / step - 1e-9) * step;
  }
  axis.low = low;
  axis.high = high;
  const double first = std::ceil(low / step - 1e-9), last = std::floor(high / step + 1e-9);
  for (int i = 0; first + i <= last && i < 100; ++i) {
    const double value = (first + i) * step;
    axis.ticks.push_back({value, tick_text(value, step, std::max(std::abs(low), std::abs(high)))});
  }
  return axis;
}

PlotAxis log2_axis(std::span<const double> values) {
  PlotAxis axis;
  axis.scale = PlotAxis::Scale::log2;
  const auto [low, high] = ends(values);
  const double margin = std::max(0.04 * (std::log2(high) - std::log2(low)), 0.1);
  axis.low = std::log2(low) - margin;
  axis.high = std::log2(high) + margin;
  for (const double value : std::set<double>(values.begin(), values.end())) {
    int exponent = 0;
    if (std::frexp(value, &exponent) == 0.5) axis.ticks.push_back({value, plot_number(value)});
  }
  if (axis.ticks.empty()) {
    for (const double value : std::set<double>{low, high}) axis.ticks.push_back({value, plot_number(value)});
  }
  thin(axis.ticks);
  return axis;
}

PlotAxis log10_axis(std::span<const double> values) {
  PlotAxis axis;
  axis.scale = PlotAxis::Scale::log10;
  const auto [low, high] = ends(values);
  const double decades = std::log10(high) - std::log10(low);
  const std::vector<double> factors = decades < 1   ? std::vector<double>{1, 2, 3, 4, 5, 6, 7, 8, 9}
                                      : decades < 3 ? std::vector<double>{1, 2, 5}
                                                    : std::vector<double>{1};
  // All candidates from below the lowest value to above the highest; then the innermost that hold all values.
  std::vector<double> candidates;
  const int last = static_cast<int>(std::floor(std::log10(high))) + 1;
  for (int power = static_cast<int>(std::floor(std::log10(low))) - 1; power <= last; ++power) {
    for (const double factor : factors) candidates.push_back(factor * std::pow(10.0, power));
  }
  const auto above = [](double a, double b) { return a > b * (1 + 1e-12); };
  auto begin = std::upper_bound(candidates.begin(), candidates.end(), low,
                                [&](double value, double tick) { return above(tick, value); });
  --begin;
  auto end = std::lower_bound(begin, candidates.end(), high,
                              [&](double tick, double value) { return above(value, tick); });
  if (end == begin) ++end;  // one value, itself a tick
  for (auto at = begin; at <= end; ++at) axis.ticks.push_back({*at, plot_number(*at)});
  axis.low = std::log10(*begin);
  axis.high = std::log10(*end);
  thin(axis.ticks);
  return axis;
}

}  // namespace mabert::app
