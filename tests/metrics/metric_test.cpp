#include "mabert/metrics/metric.h"

#include "metrics/golden.h"

#include <utility>

#include "mabert/core/error.h"

namespace mabert::metrics {
namespace {

using Values = std::vector<double>;

TEST(MetricTest, NamesAndBack) {
  const std::vector<std::pair<Metric, std::string>> names{
      {Metric::accuracy, "accuracy"},  {Metric::f1, "f1"},           {Metric::macro_f1, "macro_f1"},
      {Metric::matthews, "matthews"},  {Metric::pearson, "pearson"}, {Metric::spearman, "spearman"},
      {Metric::entity_f1, "entity_f1"}};
  for (const auto& [metric, name] : names) {
    EXPECT_EQ(metric_name(metric), name);
    EXPECT_EQ(find_metric(name), metric) << name;
  }
  EXPECT_EQ(find_metric("F1"), std::nullopt);
  EXPECT_EQ(find_metric(""), std::nullopt);
  EXPECT_EQ(find_metric("macro"), std::nullopt);
}

TEST(MetricTest, OnlyCorrelationsAreForRegression) {
  for (const Metric metric : {Metric::pearson, Metric::spearman}) EXPECT_TRUE(is_for_regression(metric));
  for (const Metric metric :
       {Metric::accuracy, Metric::f1, Metric::macro_f1, Metric::matthews, Metric::entity_f1}) {
    EXPECT_FALSE(is_for_regression(metric)) << metric_name(metric);
  }
}

TEST(MetricTest, MeanAndDeviationMatchNumpy) {
  const auto cases = golden_cases("deviation");
  EXPECT_GE(cases.size(), 6u);
  for (const auto& golden : cases) {
    SCOPED_TRACE(golden.at("values").dump());
    const MeanDeviation result = mean_and_deviation(golden.at("values").get<Values>());
    expect_golden(result.mean, golden.at("mean"));
    EXPECT_EQ(result.deviation.has_value(), !golden.at("deviation").is_null());
    if (result.deviation) expect_golden(*result.deviation, golden.at("deviation"));
  }
}

TEST(MetricTest, EqualValuesDoNotDeviate) {
  const MeanDeviation result = mean_and_deviation(Values{0.1, 0.1, 0.1});
  EXPECT_EQ(result.mean, 0.1);
  EXPECT_EQ(result.deviation, 0.0);
}

TEST(MetricTest, WrongArguments) {
  EXPECT_EQ(message_of<UsageError>([] { mean_and_deviation({}); }),
            "[metrics] values: expected at least one, got none");
}

}  // namespace
}  // namespace mabert::metrics
