#include "context_text.h"

#include "table_text.h"

#include <cstdio>

namespace mabert::app {
namespace {

std::string number(const char* format, double value) {
  char text[64];
  std::snprintf(text, sizeof text, format, value);
  return text;
}

std::string difference_text(const train::Estimate& estimate) {
  return number("%+.4f", estimate.mean) + " ± " +
         (estimate.standard_error ? number("%.4f", *estimate.standard_error) : "–");
}

/// A column for each length from the `first` on.
template <class Cell>
std::string table(const ContextReport& report, std::size_t first, std::size_t first_row, const Cell& cell) {
  std::vector<std::vector<std::string>> rows(1, {"Model"});
  for (std::size_t i = first; i < report.options.lengths.size(); ++i)
    rows[0].push_back(count_text(report.options.lengths[i]));
  for (std::size_t r = first_row; r < report.rows.size(); ++r) {
    auto& cells = rows.emplace_back();
    cells.push_back(cell_text(report.rows[r].name));
    for (std::size_t i = first; i < report.options.lengths.size(); ++i)
      cells.push_back(cell(report.rows[r].results, i));
  }
  return markdown_table(rows);
}

std::string facts(const ContextReport& report) {
  const data::MaskingOptions& masking = report.options.masking;
  std::string text = "- Held-out text: " + cell_text(report.shards) + ", " + count_text(report.documents) +
                     " documents\n- Target windows: " + count_text(report.windows) + " of " +
                     count_text(report.options.window) + " tokens";
  if (report.windows < report.available)
    text += ", evenly spread over " + count_text(report.available) + " that there are";
  text += "; " + count_text(report.predicted) + " tokens to predict in each, " +
          count_text(report.predicted * report.windows) +
          " in all, the same under every length and for every model\n";
  const double density = static_cast<double>(report.predicted) / static_cast<double>(report.options.window);
  text += "- Masks: " + number("%.4g", density * 100) + " % of the tokens at every length, " +
          number("%g", masking.mask_fraction * 100) + " % of them as [MASK], " +
          number("%g", masking.random_fraction * 100) + " % random; seed " +
          std::to_string(report.options.seed) + "\n";
  for (const ContextRow& row : report.rows) {
    text += "- " + cell_text(row.name) + ": " + cell_text(row.checkpoint) + "; positions: " + row.positions +
            "; " + row.precision + "\n";
  }
  return text;
}

/// What counts as a rise.
std::string threshold_text(const ContextReport& report) {
  const std::size_t pairs = train::compared_pairs(report.options.lengths.size());
  if (pairs == 0) return "";
  return " It does where one length is above a shorter one by more than " +
         number("%.2f", train::rise_threshold(pairs)) +
         " standard errors clustered by document: 5 %, two-sided, " +
         (pairs == 1 ? "for one pair of lengths"
                     : "over all " + std::to_string(pairs) + " pairs of lengths (Bonferroni)") +
         ".";
}

}  // namespace

std::string verdict(const ContextRow& row) {
  if (row.results.size() < 2) return row.name + ": one length only, nothing to compare";
  const auto rise = train::find_rise(row.results);
  const bool is_known = train::paired_difference(row.results[0], row.results[1]).standard_error.has_value();
  if (!rise) return row.name + (is_known ? ": does not rise" : ": not known (one document); no rise in it");
  const auto [mean, error] = rise->difference;
  const std::string size = number("%.4f", mean) + (error ? " ± " + number("%.4f", *error) : "") + " from " +
                           count_text(row.results[rise->shorter].length) + " to " +
                           count_text(row.results[rise->longer].length);
  if (!is_known) return row.name + ": not known (one document); largest rise in it: " + size;
  if (rise->is_significant()) return row.name + ": rises by " + size;
  return row.name + ": does not rise significantly (largest rise: " + size + ")";
}

std::string context_markdown(const ContextReport& report) {
  const std::string shortest = count_text(report.options.lengths.front());
  std::string text = "# Masked-LM loss by visible context\n\n" + facts(report);
  text += "\nLoss, nats per predicted token, by visible tokens:\n\n";
  text += table(report, 0, 0,
                [](const auto& results, std::size_t i) { return number("%.4f", results[i].loss()); });
  if (report.options.lengths.size() > 1) {
    text += "\nDifference to " + shortest +
            ", ± its standard error (paired by window, clustered by document):\n\n";
    text += table(report, 1, 0, [](const auto& results, std::size_t i) {
      return difference_text(train::paired_difference(results[0], results[i]));
    });
  }
  if (report.rows.size() > 1) {
    const auto& first = report.rows.front();
    text += "\nDifference to " + cell_text(first.name) + " under the same length, likewise:\n\n";
    text += table(report, 0, 1, [&](const auto& results, std::size_t i) {
      return difference_text(train::paired_difference(first.results[i], results[i]));
    });
  }
  text += "\nMasked accuracy, %:\n\n";
  text += table(report, 0, 0, [](const auto& results, std::size_t i) {
    return number("%.2f", 100 * results[i].accuracy());
  });
  text += "\nDoes the loss rise with context?" + threshold_text(report) + "\n\n";
  for (const ContextRow& row : report.rows) text += "- " + cell_text(verdict(row)) + "\n";
  return text;
}

LinePlot context_plot(const ContextReport& report) {
  LinePlot plot{.title = "Masked-LM loss by visible context",
                .x_label = "visible tokens (bars: 95 % interval of the difference to " +
                           count_text(report.options.lengths.front()) + ")",
                .y_label = "loss, nats per predicted token",
                .x_log2 = true,
                .y_from_zero = false};
  for (const ContextRow& row : report.rows) {
    PlotSeries& series = plot.series.emplace_back(PlotSeries{.name = row.name, .dashed = row.is_grown});
    for (const train::ContextResult& result : row.results) {
      PlotSeries::Point& point =
          series.points.emplace_back(PlotSeries::Point{static_cast<double>(result.length), result.loss()});
      const auto error = train::paired_difference(row.results.front(), result).standard_error.value_or(0);
      if (error > 0) {
        point.low = point.y - train::kInterval95 * error;
        point.high = point.y + train::kInterval95 * error;
      }
    }
  }
  return plot;
}

}  // namespace mabert::app
