#include "mabert/app/line_plot.h"

#include "plot_axis.h"
#include "svg_text.h"

#include <algorithm>
#include <array>
#include <cmath>

#include "mabert/core/error.h"

namespace mabert::app {
namespace {

constexpr double kWidth = 800, kHeight = 450, kTop = 48, kBottom = 388;
constexpr double kCharacter = 7;   // width of one at 12 pixels, generous
constexpr double kLegendKey = 42;  // sample of the line, with the gaps around it
constexpr std::size_t kLongestName = 30, kLongestTitle = 84, kLongestLabel = 80, kLongestYLabel = 44;

// Okabe & Ito 2008, "Color universal design", without yellow (too light on white).
constexpr std::array<const char*, 7> kColours{"#0072B2", "#D55E00", "#009E73", "#CC79A7",
                                              "#E69F00", "#56B4E9", "#000000"};
// Outlines around (0, 0), as moves of a path; five kinds over seven colours repeat after 35 series.
constexpr std::array<const char*, 5> kMarkers{"m-4,0a4,4 0 1,0 8,0a4,4 0 1,0 -8,0z", "m-3.5,-3.5h7v7h-7z",
                                              "m0,-4.5l4.3,7.5h-8.6z", "m0,-5l5,5l-5,5l-5,-5z",
                                              "m0,4.5l4.3,-7.5h-8.6z"};

struct Style {
  std::string colour, marker;
  bool dashed = false;
};

Style style_of(const LinePlot& plot, std::size_t series) {
  return {kColours[series % kColours.size()], kMarkers[series % kMarkers.size()], plot.series[series].dashed};
}

/// name="value", a space before it.
std::string attribute(const char* name, const std::string& value) {
  return std::string(" ") + name + "=\"" + value + "\"";
}
std::string attribute(const char* name, double value) { return attribute(name, coordinate(value)); }

std::string line(double x1, double y1, double x2, double y2, const std::string& rest) {
  return "<line" + attribute("x1", x1) + attribute("y1", y1) + attribute("x2", x2) + attribute("y2", y2) +
         rest + "/>\n";
}

/// Text, its whole form as a tooltip where it had to be shortened.
std::string text(double x, double y, const std::string& content, std::size_t most, const std::string& rest) {
  const std::string shown = shortened(content, most);
  const std::string whole = shown == content ? "" : "<title>" + xml_text(content) + "</title>";
  return "<text" + attribute("x", x) + attribute("y", y) + rest + ">" + whole + xml_text(shown) + "</text>\n";
}

std::string marker(double x, double y, const Style& style, const std::string& tooltip) {
  const std::string shape = attribute("class", "marker") +
                            attribute("d", "M" + coordinate(x) + "," + coordinate(y) + style.marker) +
                            attribute("fill", style.dashed ? "#fff" : style.colour) +
                            attribute("stroke", style.colour) + attribute("stroke-width", 1.5);
  if (tooltip.empty()) return "<path" + shape + "/>\n";
  return "<path" + shape + "><title>" + xml_text(tooltip) + "</title></path>\n";
}

std::string stroke(const Style& style, double width) {
  return attribute("stroke", style.colour) + attribute("stroke-width", width) +
         (style.dashed ? attribute("stroke-dasharray", "6 4") : "");
}

/// The axes of a plot, the points that they can show, and where these stand on the page.
class Chart {
 public:
  explicit Chart(const LinePlot& plot) : plot_(plot) {
    // The scales are known before what they hold is: they decide which points can be shown.
    if (plot.x_log2) x_.scale = PlotAxis::Scale::log2;
    if (plot.y_log) y_.scale = PlotAxis::Scale::log10;
    std::vector<double> xs, ys;
    for (const PlotSeries& series : plot.series) {
      for (const auto& point : shown(series)) {
        xs.push_back(point.x);
        ys.push_back(point.y);
        for (const auto& end : {point.low, point.high}) {
          if (end && y_.can_show(*end)) ys.push_back(*end);
        }
      }
    }
    if (xs.empty()) throw UsageError("[plot] series: expected a point that can be drawn, got none");
    x_ = plot.x_log2 ? log2_axis(xs) : linear_axis(xs, false, false);
    y_ = plot.y_log ? log10_axis(ys) : linear_axis(ys, plot.y_from_zero, true);
    std::size_t widest = 0, longest = 0;
    for (const auto& tick : y_.ticks) widest = std::max(widest, text_length(tick.label));
    for (const PlotSeries& series : plot.series)
      longest = std::max(longest, std::min(text_length(series.name), kLongestName));
    left_ = 44 + kCharacter * static_cast<double>(widest);
    right_ = kWidth - 28 - (longest > 0 ? kLegendKey + kCharacter * static_cast<double>(longest) : 0);
  }

  std::vector<PlotSeries::Point> shown(const PlotSeries& series) const {
    std::vector<PlotSeries::Point> points;
    for (const auto& point : series.points) {
      if (x_.can_show(point.x) && y_.can_show(point.y)) points.push_back(point);
    }
    return points;
  }

  std::string axes() const;
  std::string series(std::size_t index) const;
  std::string legend() const;

 private:
  double x_of(double value) const { return left_ + x_.fraction(value) * (right_ - left_); }
  double y_of(double value) const { return kBottom - y_.fraction(value) * (kBottom - kTop); }
  std::string error_bar(const PlotSeries::Point& point, const Style& style) const;

  const LinePlot& plot_;
  PlotAxis x_, y_;
  double left_ = 0, right_ = 0;
};

std::string Chart::axes() const {
  const std::string grid = attribute("stroke", "#e2e2e2");
  std::string svg;
  for (const auto& tick : y_.ticks) {
    const double y = y_of(tick.value);
    svg += line(left_, y, right_, y, grid);
    svg += text(left_ - 8, y + 4, tick.label, kLongestLabel, attribute("text-anchor", "end"));
  }
  for (const auto& tick : x_.ticks) {
    const double x = x_of(tick.value);
    svg += line(x, kTop, x, kBottom, grid);
    svg += text(x, kBottom + 20, tick.label, kLongestLabel, attribute("text-anchor", "middle"));
  }
  svg += "<rect" + attribute("class", "frame") + attribute("x", left_) + attribute("y", kTop) +
         attribute("width", right_ - left_) + attribute("height", kBottom - kTop) +
         attribute("fill", "none") + attribute("stroke", "#777") + "/>\n";
  const std::string label = attribute("text-anchor", "middle") + attribute("font-size", 13);
  const double middle = (kTop + kBottom) / 2;
  svg += text((left_ + right_) / 2, kBottom + 46, plot_.x_label, kLongestLabel, label);
  svg += text(20, middle, plot_.y_label, kLongestYLabel,
              label + attribute("transform", "rotate(-90 20 " + coordinate(middle) + ")"));
  return svg;
}

std::string Chart::error_bar(const PlotSeries::Point& point, const Style& style) const {
  if (!point.low && !point.high) return "";
  const auto end = [&](const std::optional<double>& value) {
    return value && !std::isnan(*value) ? *value : point.y;
  };
  const double x = x_of(point.x), low = y_of(end(point.low)), high = y_of(end(point.high));
  const std::string rest =
      attribute("class", "error") + attribute("stroke", style.colour) + attribute("stroke-width", 1.2);
  return line(x, low, x, high, rest) + line(x - 4, low, x + 4, low, rest) +
         line(x - 4, high, x + 4, high, rest);
}

std::string Chart::series(std::size_t index) const {
  const PlotSeries& series = plot_.series[index];
  const Style style = style_of(plot_, index);
  std::string bars, polyline, markers;
  for (const auto& point : shown(series)) {
    bars += error_bar(point, style);
    polyline += (polyline.empty() ? "" : " ") + coordinate(x_of(point.x)) + "," + coordinate(y_of(point.y));
    markers += marker(x_of(point.x), y_of(point.y), style,
                      series.name + ": " + plot_number(point.x) + ", " + plot_number(point.y));
  }
  if (polyline.empty()) return "";
  return "<g>\n" + bars + "<polyline" + attribute("points", polyline) + attribute("fill", "none") +
         stroke(style, 2) + attribute("stroke-linejoin", "round") + "/>\n" + markers + "</g>\n";
}

std::string Chart::legend() const {
  const double step = std::min(22.0, (kBottom - kTop) / static_cast<double>(plot_.series.size()));
  std::string svg =
      "<g" + attribute("class", "legend") + attribute("font-size", std::min(12.0, step)) + ">\n";
  for (std::size_t i = 0; i < plot_.series.size(); ++i) {
    if (plot_.series[i].name.empty()) continue;
    const Style style = style_of(plot_, i);
    const double x = right_ + 14, y = kTop + (static_cast<double>(i) + 0.5) * step;
    svg += line(x, y, x + 26, y, stroke(style, 2)) + marker(x + 13, y, style, "");
    svg += text(x + 34, y + 4, plot_.series[i].name, kLongestName, "");
  }
  return svg + "</g>\n";
}

}  // namespace

std::string to_svg(const LinePlot& plot) {
  const Chart chart(plot);
  std::string svg =
      "<svg" + attribute("xmlns", "http://www.w3.org/2000/svg") + attribute("width", kWidth) +
      attribute("height", kHeight) +
      attribute("viewBox", "0 0 " + coordinate(kWidth) + " " + coordinate(kHeight)) +
      attribute("font-family", "Helvetica, Arial, 'Liberation Sans', 'DejaVu Sans', sans-serif") +
      attribute("font-size", 12) + attribute("fill", "#222") + ">\n";
  svg += "<title>" + xml_text(plot.title) + "</title>\n";
  svg += "<rect" + attribute("width", kWidth) + attribute("height", kHeight) + attribute("fill", "#fff") +
         "/>\n";
  svg += text(
      kWidth / 2, 28, plot.title, kLongestTitle,
      attribute("text-anchor", "middle") + attribute("font-size", 15) + attribute("font-weight", "bold"));
  svg += chart.axes();
  for (std::size_t i = 0; i < plot.series.size(); ++i) svg += chart.series(i);
  return svg + chart.legend() + "</svg>\n";
}

}  // namespace mabert::app
