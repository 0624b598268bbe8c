#include "mabert/nn/padding_report.h"

#include "nn/models.h"

#include <gtest/gtest.h>

#include "mabert/core/error.h"

namespace mabert::nn {
namespace {

using namespace testing;

class PaddingReportTableTest : public ::testing::TestWithParam<MambaDirection> {};

TEST(PaddingReportTest, NothingLeaksThroughAModelOfEveryKind) {
  ModelOptions options = small_options();
  options.positions.max_length = 200;
  Encoder encoder(options);
  randomize(*encoder, options, 4);
  const PaddingReport report =
      padding_report(encoder, random_sequences(4, 20, options.vocabulary_size, 7), 1);
  EXPECT_EQ(report.cases.size(), 18u);
  EXPECT_GT(report.hidden_rms, 0.1);
  for (const PaddingDifference& difference : report.cases) {
    EXPECT_LE(difference.hidden, 1e-5);
    EXPECT_LE(difference.gradient, 1e-5) << difference.worst_parameter << " " << difference.padded_fraction;
  }
  EXPECT_LE(report.worst_hidden(), 1e-5);
  EXPECT_LE(report.worst_gradient(), 1e-5);
  EXPECT_LE(report.worst_gradient_l2(), 1e-5);
}

TEST(PaddingReportTest, LeavesTheGradientsOfTheModelAlone) {
  Encoder encoder = random_mamba_encoder(MambaDirection::forward, 1);
  padding_report(encoder, random_sequences(2, 5, 64, 7), 1);
  for (const auto& parameter : encoder->parameters()) EXPECT_FALSE(parameter.grad().defined());
}

TEST(PaddingReportTest, ANumberThatIsNoneIsTheWorst) {
  PaddingReport report;
  report.cases = {{.hidden = 1}, {.hidden = std::nan("")}, {.hidden = 2}};
  EXPECT_TRUE(std::isnan(report.worst_hidden()));
  EXPECT_EQ(report.worst_gradient(), 0);
}

TEST(PaddingReportTest, SequencesNeedRoom) {
  Encoder encoder = random_mamba_encoder(MambaDirection::forward, 1);
  EXPECT_THROW(padding_report(encoder, random_sequences(2, 200, 64, 7), 1), UsageError);
}

bool side_matters(MambaDirection direction, PadSide side) {
  if (direction == MambaDirection::forward) return side == PadSide::left;
  if (direction == MambaDirection::backward) return side == PadSide::right;
  return true;
}

TEST_P(PaddingReportTableTest, MaskingTableHasTheExpectedZeros) {
  Encoder encoder = random_mamba_encoder(GetParam(), 21);
  const auto table = masking_table(encoder, random_sequences(5, 24, 64, 3));
  ASSERT_EQ(table.size(), 32u);
  for (const MaskingCase& entry : table) {
    const bool reached = side_matters(GetParam(), entry.side);
    const bool content = reached && !entry.conv_input;
    const bool amount = reached && (!entry.conv_input || (!entry.conv_output && !entry.delta));
    const std::string masks = std::string(entry.conv_input ? "conv_input " : "") +
                              (entry.conv_output ? "conv_output " : "") + (entry.delta ? "delta " : "") +
                              (entry.output ? "output" : "") +
                              (entry.side == PadSide::left ? " left" : " right");
    EXPECT_TRUE(content ? entry.content > 0.1 : entry.content <= 1e-5)
        << masks << " content " << entry.content;
    EXPECT_TRUE(amount ? entry.amount > 1e-2 : entry.amount <= 1e-5) << masks << " amount " << entry.amount;
  }
}

INSTANTIATE_TEST_SUITE_P(Directions, PaddingReportTableTest,
                         ::testing::Values(MambaDirection::forward, MambaDirection::backward,
                                           MambaDirection::alternate, MambaDirection::bidirectional),
                         [](const auto& info) { return std::string(config::enum_name(info.param)); });

}  // namespace
}  // namespace mabert::nn
