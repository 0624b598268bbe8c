#pragma once

#include <span>
#include <string>
#include <vector>

namespace mabert::app {

/// One axis of a plot: the values it spans and those it marks. A logarithmic axis holds exponents of its
/// base, so that a position is linear in what low and high say.
struct PlotAxis {
  enum class Scale { linear, log2, log10 };
  struct Tick {
    double value = 0;
    std::string label;
  };

  Scale scale = Scale::linear;
  double low = 0, high = 1;  ///< of `scaled` values
  std::vector<Tick> ticks;   ///< rising

  /// Finite, of a size that differences do not overflow, and positive on a logarithmic axis.
  bool can_show(double value) const;
  /// 0 at the low end, 1 at the high end; values beyond an end stand at it.
  double fraction(double value) const;
};

/// Values that can be shown, at least one, to axes; each holds all of them.

/// Ends at ticks when `to_ticks`, else a little beyond the values. from_zero: also holds 0.
PlotAxis linear_axis(std::span<const double> values, bool from_zero, bool to_ticks);
/// Ticks at the powers of two among the values; where there is none, at the smallest and the largest value.
PlotAxis log2_axis(std::span<const double> values);
/// Ends at ticks: powers of ten, over few of them also 2 and 5 times these, over less than one all multiples.
PlotAxis log10_axis(std::span<const double> values);

/// 16384 as "16,384", 1234567890 as "1.23457e+09"; six significant digits.
std::string plot_number(double value);

}  // namespace mabert::app
