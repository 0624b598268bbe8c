#include "benchmarks/sweep/sweep_table.h"

#include <gtest/gtest.h>

namespace mabert::bench {
namespace {

Record make(const std::string& subject, const std::string& measure, std::int64_t length, double ms,
            const std::string& path = "eager", const std::string& framework = "mabert") {
  Record record;
  record.subject = subject;
  record.framework = framework;
  record.measure = measure;
  record.path = path;
  record.dtype = "bf16";
  record.layout = framework == "mabert" ? "ragged" : "dense";
  record.sequences = measure == "latency" ? 1 : 4096 / length;
  record.length = length;
  record.valid_tokens = record.sequences * length;
  record.ms = {.p10 = ms, .p50 = ms, .p90 = ms, .p95 = ms, .p99 = ms, .mean = ms, .samples = 3};
  return record;
}

SweepTableSettings settings(const std::vector<Record>& records,
                            const std::map<std::string, std::vector<std::string>>& groups = {}) {
  return make_table_settings("ours", {"bert", "mamba", "ours"}, {"bert", "mamba"}, groups, records);
}

TEST(SweepTableTest, CellsHaveTheRatioToTheSubjectAndTheAverageItsMembers) {
  const std::vector<Record> records{make("ours", "training_step", 512, 10),
                                    make("bert", "training_step", 512, 25),
                                    make("mamba", "training_step", 512, 15)};
  const std::string text = ratio_tables(records, settings(records));
  EXPECT_NE(text.find("training step, bf16, ragged, eager: median ms (over that of ours)"), std::string::npos)
      << text;
  EXPECT_NE(text.find("length  sequences  ours         bert        mamba  average of the baselines"),
            std::string::npos)
      << text;
  EXPECT_NE(text.find("   512          8  10.0  25.0 (2.50)  15.0 (1.50)               20.0 (2.00)"),
            std::string::npos)
      << text;
  EXPECT_NE(text.find("average of the baselines (bert, mamba): mean of their times"), std::string::npos)
      << text;
  EXPECT_EQ(text.find("best path"), std::string::npos) << text;  // there is only one
}

TEST(SweepTableTest, AMissingCellIsADashAndTheAverageSaysOfHowMany) {
  const std::vector<Record> records{make("ours", "training_step", 512, 10),
                                    make("bert", "training_step", 512, 25),
                                    make("mamba", "training_step", 1024, 15)};
  const std::string text = ratio_tables(records, settings(records));
  EXPECT_NE(text.find("25.0 (2.50)      -  25.0 (2.50) of 1 members"), std::string::npos) << text;
  EXPECT_NE(text.find("1024          4     -            -   15.0         15.0 of 1 members"),
            std::string::npos)
      << text;
}

TEST(SweepTableTest, OtherProgramsStandBesideOnTheirBestPathWithAnAverageOfTheirOwn) {
  std::vector<Record> records{make("ours", "latency", 512, 10),
                              make("ours", "latency", 512, 2, "graph"),
                              make("bert", "latency", 512, 12),
                              make("bert", "latency", 512, 4, "graph"),
                              make("bert", "latency", 512, 8, "eager", "pytorch"),
                              make("bert", "latency", 512, 6, "compiled", "pytorch"),
                              make("albert", "latency", 512, 10, "eager", "pytorch")};
  records[5].attention = "sdpa";
  const std::string text =
      ratio_tables(records, settings(records, {{"all berts", {"bert", "pytorch/bert"}}}));
  EXPECT_NE(text.find("latency, bf16, ragged, 1 sequence, eager"), std::string::npos) << text;
  EXPECT_NE(text.find("latency, bf16, ragged, 1 sequence, graph"), std::string::npos) << text;
  const std::size_t best = text.find("each on its best path");
  ASSERT_NE(best, std::string::npos) << text;
  EXPECT_EQ(text.substr(0, best).find("pytorch)"), std::string::npos) << text;
  const std::string last = text.substr(best);
  EXPECT_NE(last.find("2.00 graph"), std::string::npos) << last;
  EXPECT_NE(last.find("4.00 (2.00) graph"), std::string::npos) << last;
  EXPECT_NE(last.find("6.00 (3.00) compiled/sdpa"), std::string::npos) << last;
  EXPECT_NE(last.find("10.0 (5.00) eager"), std::string::npos) << last;
  EXPECT_NE(last.find("average of pytorch (bert (pytorch), albert (pytorch))"), std::string::npos) << last;
  EXPECT_NE(last.find("8.00 (4.00)"), std::string::npos) << last;  // mean of 6 and 10
  EXPECT_NE(last.find("5.00 (2.50)"), std::string::npos) << last;  // of 4 and 6
}

TEST(SweepTableTest, EachBaselineCountsAtItsFastestAndSaysWhichItWas) {
  std::vector<Record> records;
  for (const std::int64_t length : {512, 1024}) {
    records.push_back(make("ours", "training_step", length, 10));
    records.push_back(make("bert", "training_step", length, 20, "graph"));
    records.push_back(make("mamba", "training_step", length, 30));
    records.push_back(make("BERT", "training_step", length, length == 512 ? 25 : 12, "eager", "pytorch"));
  }
  records[7].attention = "sdpa";
  const auto with = make_table_settings("ours", {"bert", "mamba", "ours"}, {"bert", "mamba"}, {}, records,
                                        {{"bert", "pytorch/BERT"}});
  const std::string text = ratio_tables(records, with);
  EXPECT_NE(
      text.find("average of the baselines, each at its fastest (bert or BERT (pytorch), mamba): mean of "
                "their times; for bert counts BERT (pytorch) eager/sdpa at 1024, bert graph at 512\n"),
      std::string::npos)
      << text;
  EXPECT_NE(text.find("21.0 (2.10)"), std::string::npos) << text;  // 1024: of 12 and 30
  EXPECT_NE(text.find("25.0 (2.50)"), std::string::npos) << text;  // the plain one stays: of 20 and 30
  const std::string plain = ratio_tables(records, settings(records));
  EXPECT_EQ(plain.find("each at its fastest"), std::string::npos) << plain;
  EXPECT_EQ(text.substr(0, text.find("each on its best path")).find("fastest"), std::string::npos) << text;
}

TEST(SweepTableTest, OtherProgramsMustHaveDoneTheSameWork) {
  std::vector<Record> records{make("ours", "training_step", 512, 10),
                              make("bert", "training_step", 512, 8, "eager", "pytorch")};
  EXPECT_NE(ratio_tables(records, settings(records)).find("bert (pytorch)"), std::string::npos);
  EXPECT_TRUE(without_place(records).empty());
  records[1].valid_tokens *= 2;
  EXPECT_EQ(ratio_tables(records, settings(records)).find("bert (pytorch)"), std::string::npos);
  EXPECT_EQ(without_place(records), std::vector<std::string>{records[1].key()});
}

TEST(SweepTableTest, PathsThatSomeLengthsLackAreNamed) {
  std::vector<Record> records;
  for (const std::int64_t length : {512, 1024}) {
    records.push_back(make("ours", "training_step", length, 10));
    records.push_back(make("bert", "training_step", length, 20, "eager", "pytorch"));
  }
  const std::string none = ratio_tables(records, settings(records));
  EXPECT_EQ(none.find("some lengths only"), std::string::npos) << none;
  records.push_back(make("bert", "training_step", 512, 15, "compiled", "pytorch"));
  const std::string text = ratio_tables(records, settings(records));
  EXPECT_NE(text.find("paths measured at some lengths only: bert (pytorch) compiled at 512\n"),
            std::string::npos)
      << text;
}

TEST(SweepTableTest, TheFitTellsLinearFromQuadraticUnderNoise) {
  const std::vector<double> lengths{512, 1024, 2048, 4096, 8192}, noise{1.03, 0.98, 1.02, 0.97, 1.01};
  std::vector<double> linear, quadratic;
  for (std::size_t i = 0; i < lengths.size(); ++i) {
    linear.push_back((0.1 + 0.001 * lengths[i]) * noise[i]);
    quadratic.push_back(1e-6 * lengths[i] * lengths[i] * noise[i]);
  }
  const LengthFit straight = fit_lengths(lengths, linear);
  EXPECT_NEAR(straight.line.slope, 0.001, 0.00005);
  EXPECT_GT(straight.line.r2, 0.99);
  EXPECT_NEAR(straight.token_ratio, 0.83, 0.03);
  EXPECT_NEAR(straight.exponent, 0.93, 0.05);
  const LengthFit curved = fit_lengths(lengths, quadratic);
  EXPECT_NEAR(curved.exponent, 2, 0.05);
  EXPECT_NEAR(curved.token_ratio, 16, 0.5);
}

TEST(SweepTableTest, TheFitIsOfOneSequenceAndNotOfLatency) {
  std::vector<Record> records;
  for (const std::int64_t length : {512, 1024, 2048}) {
    records.push_back(make("ours", "training_step", length, 4.096));  // of 8, 4 and 2 sequences
    records.push_back(make("ours", "latency", length, 1));
  }
  const std::string text = fit_table(records, settings(records));
  EXPECT_NE(text.find("512 to 2048      0            1.02  1.000                     1.00     1.000\n"),
            std::string::npos)
      << text;
  EXPECT_EQ(text.find("latency"), std::string::npos) << text;
  records.resize(4);
  EXPECT_EQ(fit_table(records, settings(records)), "") << "two lengths are no fit";
}

TEST(SweepTableTest, PaddingIsComparedWithNoneAtEqualValidTokens) {
  std::vector<Record> records{make("ours", "throughput", 512, 10), make("ours", "throughput", 512, 10.5),
                              make("ours", "throughput", 512, 12)};
  for (std::size_t i = 1; i < 3; ++i) {
    records[i].padded_fraction = 0.5;
    records[i].sequences = 16;
  }
  records[2].layout = "padded";
  const std::string text = padding_table(records, settings(records));
  EXPECT_NE(text.find("8   ragged 0%              2441   1.00\n"), std::string::npos) << text;
  EXPECT_NE(text.find("16  ragged 50%              2563   1.05\n"), std::string::npos) << text;
  EXPECT_NE(text.find("16  padded 50%              2930   1.20\n"), std::string::npos) << text;
  records.resize(1);
  EXPECT_EQ(padding_table(records, settings(records)), "");
}

TEST(SweepTableTest, TheListHasEveryRecordWithItsRates) {
  std::vector<Record> records{make("ours", "throughput", 512, 10)};
  records[0].tflop_per_second = 123;
  records[0].matmul_share = 0.25;
  records[0].peak_bytes = 3.0 * (1 << 30);
  const std::string text = record_list(records);
  for (const char* part : {"8 x 512", "409600", "123", "25%", "3.00"}) {
    EXPECT_NE(text.find(part), std::string::npos) << part << "\n" << text;
  }
}

}  // namespace
}  // namespace mabert::bench
