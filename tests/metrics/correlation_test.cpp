#include "mabert/metrics/correlation.h"

#include "metrics/golden.h"

#include <limits>
#include <utility>

#include "mabert/core/error.h"

namespace mabert::metrics {
namespace {

using Values = std::vector<double>;

constexpr double kInfinity = std::numeric_limits<double>::infinity();
constexpr double kNan = std::numeric_limits<double>::quiet_NaN();

TEST(CorrelationTest, MatchesScipy) {
  const auto cases = golden_cases("correlation");
  EXPECT_GE(cases.size(), 19u);
  for (const auto& golden : cases) {
    SCOPED_TRACE(golden.at("name").get<std::string>());
    const auto x = golden.at("x").get<Values>(), y = golden.at("y").get<Values>();
    expect_golden(pearson(x, y), golden.at("pearson"));
    expect_golden(pearson(y, x), golden.at("pearson"));
    expect_golden(spearman(x, y), golden.at("spearman"));
    expect_golden(spearman(y, x), golden.at("spearman"));
  }
}

TEST(CorrelationTest, HandComputed) {
  const Values x{1, 2, 3, 4}, y{1, 3, 2, 4}, tied{1, 2, 2, 3};
  EXPECT_NEAR(pearson(x, y), 0.8, 1e-15);
  EXPECT_NEAR(spearman(x, y), 0.8, 1e-15);
  // Ranks 1, 2.5, 2.5, 4 against 1, 3, 2, 4: 4.5 / √(4.5 · 5).
  EXPECT_NEAR(spearman(tied, y), std::sqrt(4.5 / 5.0), 1e-15);
}

TEST(CorrelationTest, AnOffsetChangesNothing) {
  Values x{0.125, 3, -2, 7.5, 1, 0.25}, y{1, 2.5, -1, 4, 4, 0};
  const double r = pearson(x, y);
  for (double& value : x) value += 0x1p40;
  for (double& value : y) value -= 0x1p30;
  EXPECT_NEAR(pearson(x, y), r, 1e-12);
}

TEST(CorrelationTest, NeighbouringDoubles) {
  // Their mean is not representable.
  EXPECT_DOUBLE_EQ(pearson(Values{1e6, std::nextafter(1e6, 2e6)}, Values{3, 4}), 1.0);
}

TEST(CorrelationTest, StaysInRange) {
  // Rounding alone would go beyond 1.
  for (int count = 2; count < 60; ++count) {
    Values x, y;
    for (int i = 0; i < count; ++i) {
      x.push_back(std::sin(i));
      y.push_back(3.0 * x.back());
    }
    EXPECT_LE(pearson(x, y), 1.0) << count;
    EXPECT_NEAR(pearson(x, y), 1.0, 1e-14) << count;
  }
}

TEST(CorrelationTest, Undefined) {
  const Values three{1, 2, 3};
  for (const auto& [x, y] : std::vector<std::pair<Values, Values>>{
           {{}, {}}, {{1}, {1}}, {{0.1, 0.1, 0.1}, three}, {three, {7, 7, 7}}, {{1, kNan, 2}, three}}) {
    EXPECT_TRUE(std::isnan(pearson(x, y)));
    EXPECT_TRUE(std::isnan(spearman(x, y)));
    EXPECT_TRUE(std::isnan(spearman(y, x)));
  }
  EXPECT_TRUE(std::isnan(pearson(Values{1, kInfinity, 2}, three)));
  EXPECT_DOUBLE_EQ(spearman(Values{1, kInfinity, 2}, three), 0.5);
}

TEST(CorrelationTest, WrongArguments) {
  const Values two{1, 2}, three{1, 2, 3};
  EXPECT_EQ(message_of<UsageError>([&] { pearson(three, two); }), "[metrics] y: expected 3 values, got 2");
  EXPECT_EQ(message_of<UsageError>([&] { spearman(two, three); }), "[metrics] y: expected 2 values, got 3");
  EXPECT_EQ(message_of<UsageError>([&] { spearman(Values{kNan}, two); }),
            "[metrics] y: expected 1 values, got 2");
}

}  // namespace
}  // namespace mabert::metrics
