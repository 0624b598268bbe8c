#include "mabert/metrics/confusion_matrix.h"

#include "metrics/golden.h"

#include <utility>

#include "mabert/core/error.h"

namespace mabert::metrics {
namespace {

using Rows = std::vector<std::pair<std::int64_t, std::int64_t>>;  // label, prediction

ConfusionMatrix matrix_of(std::int64_t labels, const Rows& rows) {
  ConfusionMatrix matrix(labels);
  for (const auto& [label, predicted] : rows) matrix.add(label, predicted);
  return matrix;
}

TEST(ConfusionMatrixTest, MatchesScikitLearn) {
  const auto cases = golden_cases("classification");
  EXPECT_GE(cases.size(), 18u);
  for (const auto& golden : cases) {
    SCOPED_TRACE(golden.at("name").get<std::string>());
    const auto expected = golden.at("expected").get<std::vector<std::int64_t>>();
    const auto predicted = golden.at("predicted").get<std::vector<std::int64_t>>();
    ConfusionMatrix matrix(golden.at("labels"));
    for (std::size_t i = 0; i < expected.size(); ++i) matrix.add(expected[i], predicted[i]);
    EXPECT_EQ(matrix.labels(), golden.at("labels"));
    EXPECT_EQ(matrix.total(), static_cast<std::int64_t>(expected.size()));
    for (std::int64_t label = 0; label < matrix.labels(); ++label) {
      for (std::int64_t other = 0; other < matrix.labels(); ++other) {
        EXPECT_EQ(matrix.count(label, other), golden.at("counts")[label][other]) << label << ' ' << other;
      }
      expect_golden(matrix.f1(label), golden.at("f1")[label]);
    }
    expect_golden(matrix.accuracy(), golden.at("accuracy"));
    expect_golden(matrix.macro_f1(), golden.at("macro_f1"));
    expect_golden(matrix.matthews(), golden.at("matthews"));
  }
}

TEST(ConfusionMatrixTest, HandComputed) {
  // 3 true positives, 1 false positive, 2 false negatives, 4 true negatives.
  const auto matrix =
      matrix_of(2, {{1, 1}, {1, 1}, {1, 1}, {0, 1}, {1, 0}, {1, 0}, {0, 0}, {0, 0}, {0, 0}, {0, 0}});
  EXPECT_DOUBLE_EQ(matrix.accuracy(), 0.7);
  EXPECT_DOUBLE_EQ(matrix.f1(1), 6.0 / 9.0);
  EXPECT_DOUBLE_EQ(matrix.f1(0), 8.0 / 11.0);
  EXPECT_DOUBLE_EQ(matrix.matthews(), (3.0 * 4 - 1.0 * 2) / std::sqrt(4.0 * 5 * 5 * 6));
}

TEST(ConfusionMatrixTest, WithoutRows) {
  const ConfusionMatrix matrix(3);
  EXPECT_EQ(matrix.total(), 0);
  EXPECT_TRUE(std::isnan(matrix.accuracy()));
  EXPECT_EQ(matrix.f1(2), 0.0);
  EXPECT_EQ(matrix.macro_f1(), 0.0);
  EXPECT_EQ(matrix.matthews(), 0.0);
}

TEST(ConfusionMatrixTest, ManyRowsDoNotOverflow) {
  ConfusionMatrix matrix(2);
  const std::int64_t half = 100'000;  // (n²)² is beyond 64 bits
  for (std::int64_t i = 0; i < half; ++i) {
    matrix.add(0, 0);
    matrix.add(1, 1);
  }
  EXPECT_EQ(matrix.matthews(), 1.0);
}

TEST(ConfusionMatrixTest, WrongArguments) {
  EXPECT_EQ(message_of<UsageError>([] { ConfusionMatrix{0}; }),
            "[metrics] labels: expected at least 1, got 0");
  ConfusionMatrix matrix(3);
  EXPECT_EQ(message_of<UsageError>([&] { matrix.add(3, 0); }), "[metrics] label: expected 0 to 2, got 3");
  EXPECT_EQ(message_of<UsageError>([&] { matrix.add(0, -1); }),
            "[metrics] predicted: expected 0 to 2, got -1");
  EXPECT_EQ(message_of<UsageError>([&] { matrix.count(0, 3); }),
            "[metrics] predicted: expected 0 to 2, got 3");
  EXPECT_EQ(message_of<UsageError>([&] { matrix.f1(-1); }), "[metrics] label: expected 0 to 2, got -1");
  EXPECT_EQ(matrix.total(), 0);
}

}  // namespace
}  // namespace mabert::metrics
