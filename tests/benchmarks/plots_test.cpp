#include "benchmarks/harness/plots.h"

#include "sample_records.h"

#include <gtest/gtest.h>

namespace mabert::bench {
namespace {

Record with(std::int64_t sequences, std::int64_t length, double ms, const std::string& subject = "scan") {
  Record record = sample_record(subject, length, ms);
  record.sequences = sequences;
  record.valid_tokens = sequences * length;
  return record;
}

std::vector<std::string> names(const app::LinePlot& plot) {
  std::vector<std::string> found;
  for (const auto& line : plot.series) found.push_back(line.name);
  return found;
}

TEST(PlotsTest, ALineForEachSubjectWithTimesAndRates) {
  const auto plots =
      make_plots({with(1, 1024, 4, "b"), with(1, 512, 2, "b"), with(1, 512, 1, "a"), with(1, 1024, 3, "a")});
  ASSERT_EQ(plots.size(), 2U);
  EXPECT_EQ(names(plots[0].plot), (std::vector<std::string>{"a", "b"}));
  const auto& b = plots[0].plot.series[1].points;
  ASSERT_EQ(b.size(), 2U);
  EXPECT_EQ(b[0].x, 512);  // in order of x, whatever that of the records
  EXPECT_EQ(b[0].y, 2);
  EXPECT_DOUBLE_EQ(*b[0].low, 1.8);
  EXPECT_DOUBLE_EQ(*b[0].high, 2.2);
  EXPECT_TRUE(plots[0].plot.y_log);
  EXPECT_TRUE(plots[0].plot.x_log2);
  const auto& rate = plots[1].plot.series[1].points[0];
  EXPECT_DOUBLE_EQ(rate.y, 512 / 2e-3);
  EXPECT_DOUBLE_EQ(*rate.low, 512 / 2.2e-3);
  EXPECT_DOUBLE_EQ(*rate.high, 512 / 1.8e-3);
}

TEST(PlotsTest, MeasurePathTypeAndLayoutHavePlotsOfTheirOwn) {
  std::vector<Record> records;
  for (const std::int64_t length : {512, 1024}) {
    for (int i = 0; i < 6; ++i) {
      records.push_back(with(1, length, 1));
      Record& record = records.back();
      if (i == 1) record.measure = "backward";
      if (i == 2) record.path = "graph";
      if (i == 3) record.dtype = "bf16";
      if (i == 4) record.layout = "ragged";
      if (i == 5) record.channels = 128;
    }
  }
  const auto plots = make_plots(records);
  EXPECT_EQ(plots.size(), 12U);
  for (const RecordPlot& plot : plots) EXPECT_EQ(plot.plot.series.size(), 1U) << plot.file;
}

TEST(PlotsTest, SeveralBatchesAtALengthAreSeveralLines) {
  std::vector<Record> records;
  for (const std::int64_t sequences : {1, 8}) {
    for (const std::int64_t length : {512, 1024, 2048}) records.push_back(with(sequences, length, 1));
  }
  const auto plots = make_plots(records);
  ASSERT_EQ(plots.size(), 8U);  // by length, and by batch at each of three lengths
  EXPECT_EQ(names(plots[0].plot), (std::vector<std::string>{"scan, batch 1", "scan, batch 8"}));
  EXPECT_EQ(plots[2].file, "forward-fp32-dense-eager-length-1024-by-batch-time.svg");
  EXPECT_EQ(plots[2].plot.series[0].points[1].x, 8);
}

TEST(PlotsTest, ConstantTokensAreOneLineEach) {
  const auto plots = make_plots({with(32, 512, 1), with(16, 1024, 1), with(8, 2048, 1), with(64, 512, 2),
                                 with(32, 1024, 2), with(16, 2048, 2)});
  EXPECT_EQ(names(plots[0].plot), (std::vector<std::string>{"scan, 16384 tokens", "scan, 32768 tokens"}));
}

TEST(PlotsTest, PaddedFractionsAreAnAxis) {
  std::vector<Record> records;
  for (const double fraction : {0.5, 0.0, 0.25}) {
    records.push_back(with(8, 512, 1));
    records.back().layout = "padded";
    records.back().padded_fraction = fraction;
  }
  const auto plots = make_plots(records);
  ASSERT_EQ(plots.size(), 2U);
  EXPECT_EQ(plots[0].file, "forward-fp32-padded-eager-length-512-by-padding-time.svg");
  ASSERT_EQ(plots[0].plot.series[0].points.size(), 3U);
  EXPECT_EQ(plots[0].plot.series[0].points[1].x, 25);
  EXPECT_FALSE(plots[0].plot.x_log2);
}

TEST(PlotsTest, OtherFrameworksAreNamedAndDashed) {
  std::vector<Record> records{with(1, 512, 1), with(1, 1024, 2), with(1, 512, 1), with(1, 1024, 2)};
  records[2].framework = records[3].framework = "pytorch";
  const auto plots = make_plots(records);
  EXPECT_EQ(names(plots[0].plot), (std::vector<std::string>{"scan, mabert", "scan, pytorch"}));
  EXPECT_FALSE(plots[0].plot.series[0].dashed);
  EXPECT_TRUE(plots[0].plot.series[1].dashed);
}

TEST(PlotsTest, OtherFrameworksWithoutPadsStandBesideOursOfTheSameBatch) {
  std::vector<Record> records{with(1, 512, 1), with(1, 1024, 2), with(1, 512, 3, "bert"),
                              with(1, 1024, 4, "bert")};
  records[0].layout = records[1].layout = "ragged";
  for (std::size_t i = 2; i < 4; ++i) {
    records[i].framework = "pytorch";
    records[i].path = "compiled";
  }
  const auto plots = make_plots(records);
  ASSERT_EQ(plots.size(), 2U);
  EXPECT_EQ(plots[0].file, "forward-fp32-ragged-eager-by-length-time.svg");
  EXPECT_EQ(names(plots[0].plot), (std::vector<std::string>{"bert, compiled, pytorch", "scan, mabert"}));
  records[2].sequences = records[3].sequences = 2;  // not the same batch
  EXPECT_EQ(make_plots(records).size(), 4U);
}

TEST(PlotsTest, OnePointIsNoSweep) { EXPECT_TRUE(make_plots({with(8, 512, 1)}).empty()); }

}  // namespace
}  // namespace mabert::bench
