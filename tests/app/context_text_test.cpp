#include "src/app/context_text.h"

#include <cmath>
#include <numeric>
#include <sstream>

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

namespace mabert::app {
namespace {

ContextRow row_of(const std::string& name, const std::vector<std::vector<double>>& losses) {
  ContextRow row{.name = name,
                 .run = "runs/" + name,
                 .checkpoint = "runs/" + name + "/checkpoints/step-9",
                 .positions = "learned, 1,024",
                 .precision = "float32",
                 .results = {}};
  std::vector<std::uint64_t> documents(losses.front().size());
  std::iota(documents.begin(), documents.end(), 0);
  for (const auto& windows : losses) {
    row.results.push_back({.length = std::int64_t{512} << row.results.size(),
                           .losses = windows,
                           .accuracies = std::vector<double>(windows.size(), 0.25),
                           .documents = documents});
  }
  return row;
}

ContextReport report_of(std::vector<ContextRow> rows) {
  ContextReport report{.shards = "shards/valid",
                       .fingerprint = "f",
                       .device = "cpu",
                       .options = {},
                       .windows = 4,
                       .available = 9,
                       .documents = 4,
                       .predicted = 38,
                       .rows = std::move(rows)};
  report.options.lengths = {512, 1024};
  report.options.seed = 7;
  return report;
}

/// The line that begins so.
std::string line(const std::string& text, const std::string& begin, int which = 0) {
  std::istringstream lines(text);
  for (std::string found; std::getline(lines, found);) {
    if (found.starts_with(begin) && which-- == 0) return found;
  }
  return "";
}

const std::vector<std::vector<double>> kFalls{{2, 3, 4, 5}, {1.9, 2.9, 3.9, 4.9}};
const std::vector<std::vector<double>> kRises{{2, 3, 4, 5}, {2.4, 3.5, 4.5, 5.6}};

TEST(ContextTextTest, TablesSayLossesAndPairedDifferences) {
  const std::string text = context_markdown(report_of({row_of("a", kFalls), row_of("b|c", kRises)}));
  EXPECT_EQ(line(text, "- Held-out"), "- Held-out text: shards/valid, 4 documents");
  EXPECT_EQ(line(text, "- Target"),
            "- Target windows: 4 of 256 tokens, evenly spread over 9 that there are; 38 tokens to predict in "
            "each, 152 in all, the same under every length and for every model");
  EXPECT_EQ(line(text, "- Masks"),
            "- Masks: 14.84 % of the tokens at every length, 80 % of them as [MASK], 10 % random; seed 7");
  EXPECT_EQ(line(text, "- a: runs"), "- a: runs/a/checkpoints/step-9; positions: learned, 1,024; float32");
  EXPECT_EQ(line(text, "| Model"), "| Model |    512 |  1,024 |");
  EXPECT_EQ(line(text, "| a "), "| a     | 3.5000 | 3.4000 |");
  EXPECT_EQ(line(text, "| b\\|c"), "| b\\|c  | 3.5000 | 4.0000 |");
  EXPECT_EQ(line(text, "| a ", 1), "| a     | -0.1000 ± 0.0000 |");
  // 0.4, 0.5, 0.5, 0.6: deviation √(0.02 / 3), over √4.
  EXPECT_EQ(line(text, "| b\\|c", 1), "| b\\|c  | +0.5000 ± 0.0408 |");
  EXPECT_EQ(line(text, "| b\\|c", 2), "| b\\|c  | +0.0000 ± 0.0000 | +0.6000 ± 0.0408 |");
  EXPECT_NE(text.find("(paired by window, clustered by document)"), std::string::npos);
  EXPECT_EQ(
      line(text, "Does the loss"),
      "Does the loss rise with context? It does where one length is above a shorter one by more than 1.96 "
      "standard errors clustered by document: 5 %, two-sided, for one pair of lengths.");
  EXPECT_EQ(line(text, "| a ", 2), "| a     | 25.00 | 25.00 |");
  EXPECT_EQ(line(text, "- a: does"), "- a: does not rise");
  EXPECT_EQ(line(text, "- b\\|c: rises"), "- b\\|c: rises by 0.5000 ± 0.0408 from 512 to 1,024");
}

TEST(ContextTextTest, VerdictsSayWhatIsKnown) {
  EXPECT_EQ(verdict(row_of("a", {{1, 2}})), "a: one length only, nothing to compare");
  EXPECT_EQ(verdict(row_of("a", {{1}, {1.5}})),
            "a: not known (one document); largest rise in it: 0.5000 from 512 to 1,024");
  EXPECT_EQ(verdict(row_of("a", {{1}, {1}})), "a: not known (one document); no rise in it");
  EXPECT_EQ(verdict(row_of("a", {{1, 2, 3}, {3, 1, 3.5}})),
            "a: does not rise significantly (largest rise: 0.5000 ± 0.8660 from 512 to 1,024)");
}

TEST(ContextTextTest, TheThresholdIsThatOfAllPairsOfLengths) {
  ContextReport report = report_of({row_of("a", {{2, 3}, {2, 3}, {2, 3}, {2, 3}})});
  report.options.lengths = {512, 1024, 2048, 4096};
  const std::string text = context_markdown(report);
  EXPECT_NE(
      text.find("by more than 2.64 standard errors clustered by document: 5 %, two-sided, over all 6 pairs"),
      std::string::npos)
      << text;
  EXPECT_EQ(context_json(report)["compared_pairs"], 6);
  EXPECT_NEAR(context_json(report)["rise_threshold"].get<double>(), 2.638257, 1e-6);
}

TEST(ContextTextTest, WhatOneDocumentSaysIsNotKnown) {
  ContextReport report = report_of({row_of("a", {{1}, {1.5}})});
  report.documents = report.windows = 1;
  EXPECT_TRUE(context_json(report)["models"][0]["rises"].is_null());
  EXPECT_NE(context_markdown(report).find("+0.5000 ± –"), std::string::npos);
}

TEST(ContextTextTest, JsonHasTheSameUnrounded) {
  const auto json = context_json(report_of({row_of("a", kFalls), row_of("b", kRises)}));
  EXPECT_EQ(json["lengths"], nlohmann::ordered_json::array({512, 1024}));
  EXPECT_EQ(json["windows"], 4);
  EXPECT_EQ(json["predicted"], 152);
  EXPECT_EQ(json["masking"]["rate"], 0.15);
  const auto& b = json["models"][1];
  EXPECT_EQ(b["rises"], true);
  EXPECT_EQ(json["models"][0]["rises"], false);
  EXPECT_FALSE(json["models"][0].contains("largest_rise"));
  EXPECT_EQ(b["largest_rise"]["to"], 1024);
  EXPECT_NEAR(b["results"][1]["loss"].get<double>(), 4, 1e-12);
  const auto& difference = b["results"][1]["difference_to_shortest"];
  const double error = std::sqrt(0.02 / 3 / 4);
  EXPECT_NEAR(difference["mean"].get<double>(), 0.5, 1e-12);
  EXPECT_NEAR(difference["standard_error"].get<double>(), error, 1e-12);
  EXPECT_NEAR(difference["high"].get<double>(), 0.5 + 1.96 * error, 1e-12);
  EXPECT_NEAR(b["results"][1]["difference_to_first_model"]["mean"].get<double>(), 0.6, 1e-12);
  EXPECT_FALSE(json["models"][0]["results"][1].contains("difference_to_first_model"));
}

TEST(ContextTextTest, ThePlotHasALineForEachModel) {
  ContextReport report = report_of({row_of("a", kFalls), row_of("b", kRises)});
  report.rows[1].is_grown = true;
  const LinePlot plot = context_plot(report);
  ASSERT_EQ(plot.series.size(), 2u);
  EXPECT_TRUE(plot.x_log2);
  EXPECT_FALSE(plot.y_from_zero);
  EXPECT_FALSE(plot.series[0].dashed);
  EXPECT_TRUE(plot.series[1].dashed);
  EXPECT_EQ(plot.series[1].points[1].x, 1024);
  EXPECT_DOUBLE_EQ(plot.series[1].points[1].y, 4);
  EXPECT_FALSE(plot.series[1].points[0].high.has_value());
  EXPECT_NEAR(plot.series[1].points[1].high.value(), 4 + 1.96 * std::sqrt(0.02 / 3 / 4), 1e-12);
}

}  // namespace
}  // namespace mabert::app
