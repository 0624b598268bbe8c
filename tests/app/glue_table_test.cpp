#include "glue_fixture.h"

#include <cmath>

#include <gtest/gtest.h>

#include "mabert/app/glue_report.h"

namespace mabert::app {
namespace {

class GlueTableTest : public GlueFixture {};

TEST_F(GlueTableTest, MeanAndSampleDeviationOverSeeds) {
  // F1: mean 0.83, deviations -0.03, 0.01, 0.02: √(0.0014 / 2) = 0.026458. Accuracy: mean 0.73, √(0.0026 /
  // 2).
  put("small", result_of("mrpc", {{{0.80, 0.70}, {0.84, 0.72}, {0.85, 0.77}}}));
  const Json task = json({"small"})["models"][0]["tasks"]["mrpc"];
  EXPECT_NEAR(task["sets"]["dev"]["metrics"]["f1"]["mean"].get<double>(), 0.83, 1e-12);
  EXPECT_NEAR(task["sets"]["dev"]["metrics"]["f1"]["deviation"].get<double>(), std::sqrt(0.0007), 1e-12);
  EXPECT_NEAR(task["sets"]["dev"]["metrics"]["accuracy"]["deviation"].get<double>(), std::sqrt(0.0013),
              1e-12);
  // Scores by seed: 0.75, 0.78, 0.81.
  EXPECT_NEAR(task["score"]["mean"].get<double>(), 0.78, 1e-12);
  EXPECT_NEAR(task["score"]["deviation"].get<double>(), 0.03, 1e-12);
  EXPECT_EQ(task["seeds"], Json::array({1, 2, 3}));
  const std::string table = markdown({"small"});
  EXPECT_EQ(line(table, "| Model"),
            "| Model | CoLA MCC | SST-2 acc | MRPC F1 / acc | STS-B r / ρ | QQP F1 / acc | MNLI m / mm acc | "
            "QNLI acc "
            "| RTE acc | Average of 1 |");
  EXPECT_EQ(line(table, "| small"),
            "| small | – | – | 83.0 ± 2.6 / 73.0 ± 3.6 | – | – | – | – | – | 78.0 ± 3.0 |");
}

TEST_F(GlueTableTest, AverageIsOverTasksAndItsDeviationOverTheSeedsAverages) {
  // Scores by seed: CoLA 0.2, 0.4; MNLI (0.7 + 0.5) / 2 = 0.6 and (0.6 + 0.6) / 2 = 0.6; averages 0.4, 0.5.
  put("small", result_of("cola", {{{0.2}, {0.4}}}));
  put("small", result_of("mnli", {{{0.7}, {0.6}}, {{0.5}, {0.6}}}));
  const Json model = json({"small"})["models"][0];
  EXPECT_NEAR(model["tasks"]["mnli"]["score"]["mean"].get<double>(), 0.6, 1e-12);
  EXPECT_NEAR(model["tasks"]["mnli"]["score"]["deviation"].get<double>(), 0, 1e-12);
  EXPECT_NEAR(model["average"]["mean"].get<double>(), 0.45, 1e-12);
  EXPECT_NEAR(model["average"]["deviation"].get<double>(), std::sqrt(0.005), 1e-12);
  EXPECT_EQ(model["average"]["tasks"], Json::array({"cola", "mnli"}));
  EXPECT_EQ(line(markdown({"small"}), "| small"),
            "| small | 30.0 ± 14.1 | – | – | – | – | 65.0 ± 7.1 / 55.0 ± 7.1 | – | – | 45.0 ± 7.1 |");
}

TEST_F(GlueTableTest, DifferentSeedsHaveNoDeviationOfTheAverage) {
  put("small", result_of("cola", {{{0.2}, {0.4}}}));
  put("small", result_of("rte", {{{0.6}, {0.5}, {0.7}}}));
  const Json average = json({"small"})["models"][0]["average"];
  EXPECT_NEAR(average["mean"].get<double>(), 0.45, 1e-12);
  EXPECT_TRUE(average["deviation"].is_null());
  EXPECT_EQ(line(markdown({"small"}), "- Seeds"), "- Seeds: CoLA: 1, 2; RTE: 1–3");
}

TEST_F(GlueTableTest, OneSeedHasNoDeviation) {
  put("small", result_of("cola", {{{-0.0002}}}));
  put("small", result_of("sts-b", {{{0.5, 0.6}}}));
  EXPECT_EQ(line(markdown({"small"}), "| small"),
            "| small | 0.0 | – | – | 50.0 / 60.0 | – | – | – | – | 27.5 |");
  EXPECT_TRUE(json({"small"})["models"][0]["tasks"]["cola"]["score"]["deviation"].is_null());
}

TEST_F(GlueTableTest, EightTasksAverageByThatNameWithoutWnli) {
  put_all("small");
  put("small", result_of("wnli", {{{0.1}, {0.1}, {0.1}}}));
  const std::string table = markdown({"small"});
  EXPECT_NE(line(table, "| Model").find("| RTE acc | Average | WNLI acc |"), std::string::npos) << table;
  EXPECT_NE(line(table, "| small").find("| 60.0 ± 10.0 | 60.0 ± 10.0 | 10.0 ± 0.0 |"), std::string::npos)
      << table;
  EXPECT_EQ(json({"small"})["models"][0]["average"]["tasks"].size(), 8u);
}

TEST_F(GlueTableTest, AnUndefinedMetricHasNoMean) {
  put("small", result_of("sts-b", {{{0.5, 0.6}, {nullptr, 0.7}}}));
  put("small", result_of("rte", {{{0.6}, {0.6}}}));
  const std::string table = markdown({"small"});
  EXPECT_EQ(line(table, "| small"),
            "| small | – | – | – | – / 65.0 ± 7.1 | – | – | – | 60.0 ± 0.0 | 60.0 ± 0.0 |");
  EXPECT_EQ(line(table, "- small, STS-B"),
            "- small, STS-B: pearson on dev is undefined for seed 2, so its mean is");
  const Json task = json({"small"})["models"][0]["tasks"]["sts-b"];
  EXPECT_TRUE(task["sets"]["dev"]["metrics"]["pearson"]["mean"].is_null());
  EXPECT_TRUE(task["sets"]["dev"]["metrics"]["pearson"]["values"][1].is_null());
  EXPECT_TRUE(task["score"]["mean"].is_null());
}

TEST_F(GlueTableTest, ASetThatIsMissingLeavesNoScore) {
  put("small", result_of("mnli", {{{0.7}}}));
  Json unlabelled = result_of("rte", {{{0.6}}});
  unlabelled["seeds"][0]["sets"] = Json::object();
  put("small", unlabelled);
  const std::string table = markdown({"small"});
  EXPECT_EQ(line(table, "| small"), "| small | – | – | – | – | – | 70.0 / – | – | – | – |");
  EXPECT_NE(table.find("- small, MNLI: no numbers on dev_mismatched, so no score"), std::string::npos)
      << table;
  EXPECT_NE(table.find("- small, RTE: trained, but without numbers"), std::string::npos) << table;
}

TEST_F(GlueTableTest, RowsOfPretrainedAndRandomWeightsAreCompared) {
  put("small", result_of("rte", {{{0.70}, {0.74}}}));  // s² = 0.0008
  put("small", result_of("sst-2", {{{0.70}, {0.74}}}));
  Json random = result_of("rte", {{{0.60}, {0.60}, {0.60}}});  // s² = 0: pooled √(0.0008 / 3)
  random["random_weights"] = true;
  put("small-random", random);
  Json once = result_of("sst-2", {{{0.80}}});  // one seed: pooled √0.0008
  once["random_weights"] = true;
  put("small-random", once);
  const std::string table = markdown({"small", "small-random"});
  EXPECT_EQ(line(table, "| small    "),
            "| small | – | 72.0 ± 2.8 | – | – | – | – | – | 72.0 ± 2.8 | 72.0 ± 2.8 |");
  EXPECT_EQ(line(table, "| small-random (random weights)"),
            "| small-random (random weights) | – | 80.0 | – | – | – | – | – | 60.0 ± 0.0 | 70.0 |");
  EXPECT_EQ(line(table, "| small over small-random"),
            "| small over small-random | – | -8.0 (-2.8 s.d.) | – | – | – | – | – | +12.0 (7.3 s.d.) |");
  EXPECT_EQ(line(table, "- Weights"),
            "- Weights: small: runs/small; small-random: random, in the shape of runs/small");
  EXPECT_EQ(line(table, "- Seeds"), "- Seeds: small: 1, 2; small-random (SST-2: 1; RTE: 1–3)");
  const Json gain = json({"small", "small-random"})["models"][0]["over_random_weights"][1];
  EXPECT_EQ(gain["task"], "rte");
  EXPECT_NEAR(gain["difference"].get<double>(), 0.12, 1e-12);
  EXPECT_NEAR(gain["pooled_deviation"].get<double>(), std::sqrt(0.0008 / 3), 1e-12);
}

TEST_F(GlueTableTest, AveragesOverDifferentTasksSaySo) {
  put("a", result_of("rte", {{{0.7}}}));
  put("b", result_of("rte", {{{0.6}}}));
  put("b", result_of("cola", {{{0.2}}}));
  const std::string table = markdown({"a", "b"});
  EXPECT_EQ(line(table, "| a"), "| a | – | – | – | – | – | – | – | 70.0 | 70.0 (of 1) |");
  EXPECT_EQ(line(table, "| b"), "| b | 20.0 | – | – | – | – | – | – | 60.0 | 40.0 (of 2) |");
  EXPECT_NE(table.find("- The averages are over different tasks: do not compare them."), std::string::npos);
}

}  // namespace
}  // namespace mabert::app
