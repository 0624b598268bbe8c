#include "mabert/app/line_plot.h"

#include "xml_elements.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <sstream>

#include <gtest/gtest.h>

#include "mabert/core/error.h"

namespace mabert::app {
namespace {

constexpr double kNan = std::numeric_limits<double>::quiet_NaN();
constexpr double kInfinity = std::numeric_limits<double>::infinity();

struct Place {
  double x = 0, y = 0;
};

LinePlot plot_of(std::vector<PlotSeries::Point> points, const std::string& name = "a") {
  LinePlot plot{.title = "Title", .x_label = "length", .y_label = "time"};
  plot.series.push_back({name, std::move(points)});
  return plot;
}

std::vector<XmlElement> of(const std::vector<XmlElement>& all, std::string_view name,
                           std::string_view kind = "") {
  std::vector<XmlElement> found;
  std::copy_if(all.begin(), all.end(), std::back_inserter(found),
               [&](const XmlElement& element) { return element.is(name, kind); });
  return found;
}

/// Corners of the i-th line, in order.
std::vector<Place> corners(const std::vector<XmlElement>& svg, std::size_t line = 0) {
  std::istringstream points(of(svg, "polyline").at(line).at("points"));
  std::vector<Place> places;
  char comma = 0;
  for (Place place; points >> place.x >> comma >> place.y;) places.push_back(place);
  return places;
}

struct Frame {
  explicit Frame(const std::vector<XmlElement>& svg) {
    const XmlElement rect = of(svg, "rect", "frame").at(0);
    left = rect.number("x");
    top = rect.number("y");
    right = left + rect.number("width");
    bottom = top + rect.number("height");
  }
  double left, top, right, bottom;
};

/// Labels of the ticks at the x axis (`anchor` middle) or the y axis (end).
std::vector<std::string> tick_labels(const std::vector<XmlElement>& svg, const std::string& anchor) {
  std::vector<std::string> labels;
  for (const XmlElement& text : of(svg, "text")) {
    const auto found = text.attributes.find("text-anchor");
    if (found != text.attributes.end() && found->second == anchor && !text.attributes.contains("font-size"))
      labels.push_back(text.text);
  }
  return labels;
}

using Strings = std::vector<std::string>;

TEST(LinePlotTest, PlacesPointsOnLinearAxes) {
  const auto svg = read_xml(to_svg(plot_of({{0, 0}, {5, 5}, {10, 10}})));
  EXPECT_EQ(svg.front().name, "svg");
  const Frame frame(svg);
  const auto at = corners(svg);
  ASSERT_EQ(at.size(), 3u);
  EXPECT_NEAR(at[0].y, frame.bottom, 0.01);  // 0 is the end of the axis
  EXPECT_NEAR(at[1].x, (frame.left + frame.right) / 2, 0.01);
  EXPECT_NEAR(at[1].x, (at[0].x + at[2].x) / 2, 0.01);
  EXPECT_NEAR(at[1].y, (at[0].y + at[2].y) / 2, 0.01);
  EXPECT_GT(at[2].y, frame.top);
  EXPECT_EQ(tick_labels(svg, "end"), (Strings{"0", "2", "4", "6", "8", "10", "12"}));
  EXPECT_EQ(of(svg, "path", "marker").size(), 4u);  // three, and one in the legend
}

TEST(LinePlotTest, MarksThePowersOfTwoThatThePointsHave) {
  LinePlot plot = plot_of({{512, 1}, {1024, 2}, {3000, 2}, {4096, 3}});
  plot.x_log2 = true;
  const auto svg = read_xml(to_svg(plot));
  const auto at = corners(svg);
  EXPECT_EQ(tick_labels(svg, "middle"), (Strings{"512", "1,024", "4,096"}));
  EXPECT_NEAR((at[3].x - at[0].x) / (at[1].x - at[0].x), 3, 1e-3);
  EXPECT_NEAR((at[2].x - at[0].x) / (at[1].x - at[0].x), std::log2(3000.0 / 512), 1e-3);
  plot.series[0].points = {{700, 1}, {900, 2}};
  EXPECT_EQ(tick_labels(read_xml(to_svg(plot)), "middle"), (Strings{"700", "900"}));
}

TEST(LinePlotTest, LogarithmicValuesStandByTheirLogarithm) {
  LinePlot plot = plot_of({{1, 0.02}, {2, 20}, {3, 2000}});
  plot.y_log = true;
  const auto svg = read_xml(to_svg(plot));
  const auto at = corners(svg);
  EXPECT_NEAR((at[0].y - at[2].y) / (at[0].y - at[1].y), 5.0 / 3.0, 1e-3);
  EXPECT_EQ(tick_labels(svg, "end"), (Strings{"0.01", "0.1", "1", "10", "100", "1,000", "10,000"}));
  plot.series[0].points = {{1, 3}, {2, 40}};
  EXPECT_EQ(tick_labels(read_xml(to_svg(plot)), "end"), (Strings{"2", "5", "10", "20", "50"}));
  plot.series[0].points = {{1, 2.1}, {2, 3.9}};
  EXPECT_EQ(tick_labels(read_xml(to_svg(plot)), "end"), (Strings{"2", "3", "4"}));
  plot.series[0].points = {{1, 100}};
  EXPECT_EQ(tick_labels(read_xml(to_svg(plot)), "end"), (Strings{"100", "200"}));
}

TEST(LinePlotTest, ValuesNeedNotStartAtZero) {
  LinePlot plot = plot_of({{1, 3.21}, {2, 3.24}});
  plot.y_from_zero = false;
  const auto svg = read_xml(to_svg(plot));
  const Frame frame(svg);
  const auto at = corners(svg);
  EXPECT_GT(at[0].y - at[1].y, (frame.bottom - frame.top) / 2);
  EXPECT_EQ(tick_labels(svg, "end").front(), "3.205");
  plot.series[0].points = {{1, -2}, {2, -1}};
  plot.y_from_zero = true;
  EXPECT_EQ(tick_labels(read_xml(to_svg(plot)), "end").back(), "0.0");
}

TEST(LinePlotTest, ErrorBarsReachTheirEnds) {
  LinePlot plot = plot_of({{1, 4, 2, 8}, {2, 4, 3, std::nullopt}, {3, 4, kNan, kNan}});
  const auto svg = read_xml(to_svg(plot));
  const auto at = corners(svg);
  const auto bars = of(svg, "line", "error");
  ASSERT_EQ(bars.size(), 9u);  // each a line and two caps
  const double unit = (Frame(svg).bottom - at[0].y) / 4;
  EXPECT_NEAR(bars[0].number("x1"), at[0].x, 0.01);
  EXPECT_NEAR(bars[0].number("y1"), at[0].y + 2 * unit, 0.02);
  EXPECT_NEAR(bars[0].number("y2"), at[0].y - 4 * unit, 0.02);
  EXPECT_NEAR(bars[3].number("y1"), at[1].y + unit, 0.02);
  EXPECT_NEAR(bars[3].number("y2"), at[1].y, 0.01);
  EXPECT_NEAR(bars[6].number("y1"), at[2].y, 0.01);
  EXPECT_NEAR(bars[6].number("y2"), at[2].y, 0.01);
}

TEST(LinePlotTest, LeavesOutWhatCannotBeDrawn) {
  LinePlot plot = plot_of({{1, 1}, {2, kNan}, {kInfinity, 1}, {3, -kInfinity}, {4, 1e300}, {5, 2}});
  EXPECT_EQ(corners(read_xml(to_svg(plot))).size(), 2u);
  plot.series[0].points = {{0, 1}, {-2, 1}, {4, 0}, {8, -1}, {16, 1}, {32, 2, -5, 3}};
  plot.x_log2 = plot.y_log = true;
  const auto svg = read_xml(to_svg(plot));
  EXPECT_EQ(corners(svg).size(), 2u);
  EXPECT_NEAR(of(svg, "line", "error").at(0).number("y1"), Frame(svg).bottom, 0.01);  // from below the axis
  plot = plot_of({{1, 1}, {2, 2, -kInfinity, kInfinity}});
  const auto endless = read_xml(to_svg(plot));
  EXPECT_NEAR(of(endless, "line", "error").at(0).number("y1"), Frame(endless).bottom, 0.01);
  EXPECT_NEAR(of(endless, "line", "error").at(0).number("y2"), Frame(endless).top, 0.01);
  plot.series[0].points = {{kNan, 1}, {1, kNan}};
  EXPECT_THROW(to_svg(plot), UsageError);
  EXPECT_THROW(to_svg(LinePlot{}), UsageError);
}

TEST(LinePlotTest, NothingStandsOutsideOfTheFrame) {
  const std::vector<double> scales{1e-190, 1e-9, 0.3, 1, 777, 1e7, 1e199};
  for (const double scale : scales) {
    for (int variant = 0; variant < 8; ++variant) {
      LinePlot plot = plot_of({{1, scale}, {3, 2.7 * scale, 0.1 * scale, 4 * scale}, {100, scale}});
      plot.series.push_back({"b", {{50, 1.01 * scale, -scale, 2 * scale}}});
      plot.x_log2 = (variant & 1) != 0;
      plot.y_log = (variant & 2) != 0;
      plot.y_from_zero = (variant & 4) != 0;
      const auto svg = read_xml(to_svg(plot));
      const Frame frame(svg);
      const auto inside = [&](double x, double y) {
        EXPECT_TRUE(x >= frame.left && x <= frame.right && y >= frame.top - 0.01 && y <= frame.bottom + 0.01)
            << scale << " variant " << variant << ": " << x << ", " << y;
      };
      for (const Place& place : corners(svg, 0)) inside(place.x, place.y);
      for (const XmlElement& bar : of(svg, "line", "error")) {
        inside(bar.number("x1"), bar.number("y1"));
        inside(bar.number("x2"), bar.number("y2"));
      }
      EXPECT_GE(tick_labels(svg, "end").size(), 2u) << scale << " variant " << variant;
      EXPECT_LE(tick_labels(svg, "end").size(), 13u) << scale << " variant " << variant;
      for (const XmlElement& text : of(svg, "text")) {
        EXPECT_TRUE(text.number("x") >= 0 && text.number("x") <= 800 && text.number("y") <= 450);
      }
    }
  }
}

TEST(LinePlotTest, EqualValuesAndSinglePointsHaveAxes) {
  for (const double value : {0.0, 5.0, -3.0, 1e-12}) {
    for (const bool from_zero : {false, true}) {
      LinePlot plot = plot_of({{7, value}});
      plot.y_from_zero = from_zero;
      const auto svg = read_xml(to_svg(plot));
      const Frame frame(svg);
      EXPECT_NEAR(corners(svg).at(0).x, (frame.left + frame.right) / 2, 0.02);
      EXPECT_GE(tick_labels(svg, "end").size(), 2u) << value;
    }
  }
}

TEST(LinePlotTest, EscapesText) {
  LinePlot plot = plot_of({{1, 1}, {2, 2}}, "a<b & \"c\" 'd'");
  plot.title = std::string("5 < 6 \x01 \xFF ") + "\xEF\xBF\xBF µ";
  plot.x_label = "</svg><script>";
  const auto svg = read_xml(to_svg(plot));
  const auto has = [&](const std::string& wanted) {
    return std::any_of(svg.begin(), svg.end(), [&](const XmlElement& e) { return e.text == wanted; });
  };
  EXPECT_TRUE(has("a<b & \"c\" 'd'"));
  EXPECT_TRUE(has("5 < 6   ? ? µ"));
  EXPECT_TRUE(has("</svg><script>"));
  EXPECT_TRUE(has("a<b & \"c\" 'd': 1, 1"));  // the first point's tooltip
}

TEST(LinePlotTest, TheLegendNamesEverySeries) {
  LinePlot plot = plot_of({{1, 1}, {2, 2}}, "first");
  for (int i = 0; i < 40; ++i) plot.series.push_back({"series " + std::to_string(i), {{1, 2}, {2, 3}}});
  plot.series[1].dashed = true;
  plot.series[2].name = std::string(200, 'w');
  const auto svg = read_xml(to_svg(plot));
  const Frame frame(svg);
  std::vector<XmlElement> names;
  std::vector<std::string> looks;
  for (const XmlElement& text : of(svg, "text")) {
    if (!text.attributes.contains("text-anchor")) names.push_back(text);
  }
  ASSERT_EQ(names.size(), plot.series.size());
  EXPECT_EQ(names[0].text, "first");
  EXPECT_EQ(names[2].text, std::string(29, 'w') + "…");
  for (const XmlElement& name : names) {
    EXPECT_GT(name.number("x"), frame.right);
    EXPECT_LT(name.number("y"), frame.bottom + 5);
  }
  // Two series differ in colour or marker.
  const auto lines = of(svg, "polyline"), markers = of(svg, "path", "marker");
  for (std::size_t i = 0; i < 35; ++i) {
    const std::string d = markers.at(2 * i).at("d");  // of the first of two points
    looks.push_back(lines[i].at("stroke") + d.substr(d.find('m')));
  }
  std::sort(looks.begin(), looks.end());
  EXPECT_EQ(std::unique(looks.begin(), looks.end()), looks.end());
  EXPECT_FALSE(lines[0].attributes.contains("stroke-dasharray"));
  EXPECT_TRUE(lines[1].attributes.contains("stroke-dasharray"));
}

TEST(LinePlotTest, TheSamePlotGivesTheSameBytes) {
  const LinePlot plot = plot_of({{1, 1.0 / 3}, {2, 2, 1, 3}});
  EXPECT_EQ(to_svg(plot), to_svg(plot));
  LinePlot other = plot;
  other.series[0].points[0].y = 0.5;
  EXPECT_NE(to_svg(plot), to_svg(other));
}

}  // namespace
}  // namespace mabert::app
