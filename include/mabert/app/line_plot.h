#pragma once

#include <optional>
#include <string>
#include <vector>

namespace mabert::app {

/// One line of a plot: points in order of x; low and high, where given, are drawn as an error bar.
struct PlotSeries {
  struct Point {
    double x = 0, y = 0;
    std::optional<double> low = std::nullopt, high = std::nullopt;
  };
  std::string name;
  std::vector<Point> points = {};
  bool dashed = false;
};

struct LinePlot {
  std::string title, x_label, y_label;
  bool x_log2 = false;  ///< ticks at the powers of two that the points have
  bool y_log = false;
  bool y_from_zero = true;  ///< linear y axis only
  std::vector<PlotSeries> series = {};
};

/// The plot as one SVG document of fixed size: axes with ticks, grid, a line with markers for each series, a
/// legend; colours told apart without relying on red and green. Points that are not finite (or not positive
/// on a logarithmic axis) are left out. Text is escaped. The same plot gives the same bytes. Errors:
/// UsageError when no point remains.
std::string to_svg(const LinePlot& plot);

}  // namespace mabert::app
