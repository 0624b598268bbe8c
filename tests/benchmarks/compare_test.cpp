#include "benchmarks/compare/compare.h"

#include "sample_records.h"

#include <fstream>
#include <sstream>

#include <gtest/gtest.h>

#include "mabert/core/error.h"

namespace mabert::bench {
namespace {

namespace fs = std::filesystem;

Record timed(const std::string& subject, double p10, double p50, double p90) {
  Record record = sample_record(subject, 512, p50);
  record.ms.p10 = p10;
  record.ms.p90 = p90;
  return record;
}

TEST(CompareTest, RatiosHaveTheSpreadOfBothSides) {
  const Comparison found = compare_records({{}, {timed("x", 1, 2, 4)}}, {{}, {timed("x", 5, 6, 8)}});
  ASSERT_EQ(found.matches.size(), 1U);
  EXPECT_DOUBLE_EQ(found.matches[0].ratio, 3);
  EXPECT_DOUBLE_EQ(found.matches[0].low, 1.25);  // 5 / 4
  EXPECT_DOUBLE_EQ(found.matches[0].high, 8);
  EXPECT_FALSE(found.matches[0].same());
  const Comparison close = compare_records({{}, {timed("x", 1, 2, 4)}}, {{}, {timed("x", 4, 6, 8)}});
  EXPECT_TRUE(close.matches[0].same());  // the spreads touch
}

TEST(CompareTest, WhatIsMissingOnOneSideIsListed) {
  const Comparison found = compare_records({{}, {timed("both", 1, 1, 1), timed("old", 1, 1, 1)}},
                                           {{}, {timed("new", 1, 1, 1), timed("both", 1, 1, 1)}});
  EXPECT_EQ(found.matches.size(), 1U);
  EXPECT_EQ(found.only_a, (std::vector<std::string>{timed("old", 1, 1, 1).key()}));
  EXPECT_EQ(found.only_b, (std::vector<std::string>{timed("new", 1, 1, 1).key()}));
}

TEST(CompareTest, RepeatedMeasurementsAreMatchedInOrder) {
  const Comparison found =
      compare_records({{}, {timed("x", 1, 1, 1), timed("x", 2, 2, 2), timed("x", 3, 3, 3)}},
                      {{}, {timed("x", 2, 2, 2), timed("x", 6, 6, 6)}});
  ASSERT_EQ(found.matches.size(), 2U);
  EXPECT_DOUBLE_EQ(found.matches[0].ratio, 2);
  EXPECT_DOUBLE_EQ(found.matches[1].ratio, 3);
  EXPECT_EQ(found.only_a.size(), 1U);
}

TEST(CompareTest, MeansAreGeometricAndOfOneMeasureAndPath) {
  std::vector<Record> a, b;
  for (const auto& [subject, ratio] : {std::pair("x", 0.5), std::pair("y", 8.0)}) {
    a.push_back(timed(subject, 1, 1, 1));
    b.push_back(timed(subject, ratio, ratio, ratio));
  }
  a.push_back(timed("x", 1, 1, 1));
  a.back().path = "graph";
  b.push_back(a.back());
  const Comparison found = compare_records({{}, a}, {{}, b});
  ASSERT_EQ(found.means.size(), 2U);
  EXPECT_EQ(found.means[0].path, "eager");
  EXPECT_DOUBLE_EQ(found.means[0].ratio, 2);
  EXPECT_EQ(found.means[0].count, 2);
  EXPECT_EQ(found.means[0].same, 0);
  EXPECT_EQ(found.means[1].path, "graph");
  EXPECT_DOUBLE_EQ(found.means[1].ratio, 1);
  EXPECT_EQ(found.means[1].same, 1);
}

TEST(CompareTest, HeadersThatDifferAreNamed) {
  const Json a = {
      {"device", "H200"}, {"commit", "abc"}, {"versions", {{"libtorch", "2.11"}}}, {"command", "x"}};
  const Json b = {
      {"device", "H200"}, {"commit", "def"}, {"versions", {{"libtorch", "2.12"}}}, {"threads", 2}};
  const Comparison found = compare_records({a, {timed("x", 1, 1, 1)}}, {b, {timed("x", 1, 1, 1)}});
  ASSERT_EQ(found.header.size(), 3U);
  EXPECT_EQ(found.header[0].field, "commit");
  EXPECT_EQ(found.header[0].b, "def");
  EXPECT_EQ(found.header[1].field, "versions");
  EXPECT_EQ(found.header[2].field, "threads");
  EXPECT_EQ(found.header[2].a, "-");
}

class CompareFilesTest : public ::testing::Test {
 protected:
  void SetUp() override {
    folder_ = fs::path(::testing::TempDir()) / "compare_test";
    fs::create_directories(folder_);
  }
  void TearDown() override { fs::remove_all(folder_); }
  fs::path write(const std::string& name, const Json& json) const {
    std::ofstream(folder_ / name) << json;
    return folder_ / name;
  }
  fs::path folder_;
};

// As `ops` wrote it before it had records.
Json old_row(double eager, double graph) {
  const auto summary = [](double ms) {
    return Json{{"median", ms}, {"p10", 0.9 * ms}, {"p90", 1.1 * ms}, {"samples", 21}};
  };
  return {{"op", "selective_scan"},
          {"pass", "forward"},
          {"batch", "padded"},
          {"shape", {64, 512, 1536}},
          {"rows", 32768},
          {"valid_rows", 16384},
          {"dtype", "bf16"},
          {"call_ms", summary(eager)},
          {"graph_ms", summary(graph)}};
}

TEST_F(CompareFilesTest, OldRowsOfOpsMatchRecords) {
  const fs::path a = write("a.json", {{"device", "H200"}, {"rows", {old_row(2, 1)}}});
  Record record = timed("selective_scan", 0.5, 0.5, 0.5);
  record.path = "graph";
  record.dtype = "bf16";
  record.layout = "padded";
  record.sequences = 64;
  record.channels = 1536;
  record.padded_fraction = 0.5;
  record.valid_tokens = 16384;
  const fs::path b = write("b.json", {{"device", "H100"}, {"records", {to_json(record)}}});
  std::ostringstream out;
  EXPECT_EQ(run_compare({a, b, false}, out), 0);
  const std::string text = out.str();
  EXPECT_NE(text.find("warning: device differs: a H200, b H100"), std::string::npos) << text;
  EXPECT_NE(text.find("64x512x1536"), std::string::npos) << text;
  EXPECT_NE(text.find("faster"), std::string::npos) << text;
  EXPECT_NE(text.find("only in a (1):"), std::string::npos) << text;  // the times without a graph
  EXPECT_EQ(text.find("only in b"), std::string::npos) << text;

  std::ostringstream json_out;
  EXPECT_EQ(run_compare({a, b, true}, json_out), 0);
  const Json json = Json::parse(json_out.str());
  EXPECT_DOUBLE_EQ(json["matches"][0]["ratio"].get<double>(), 0.5);
  EXPECT_EQ(json["matches"][0]["verdict"], "faster");
  EXPECT_EQ(json["geometric_means"][0]["count"], 1);
  EXPECT_EQ(json["header_differences"]["device"]["b"], "H100");
  EXPECT_EQ(json["only_in_a"].size(), 1U);
}

TEST_F(CompareFilesTest, WhatCannotBeComparedIsSaid) {
  const fs::path a = write("a.json", {{"records", {to_json(timed("x", 1, 1, 1))}}});
  const fs::path b = write("b.json", {{"records", {to_json(timed("y", 1, 1, 1))}}});
  const auto error = [](const fs::path& left, const fs::path& right) -> std::string {
    std::ostringstream out;
    try {
      run_compare({left, right, false}, out);
    } catch (const Error& found) {
      return found.what();
    }
    return "";
  };
  EXPECT_NE(error(a, b).find("no measurement is in both"), std::string::npos);
  EXPECT_NE(error(a, folder_ / "none.json").find("none.json"), std::string::npos);
  EXPECT_NE(error(a, write("c.json", {{"step", 1}})).find("'records'"), std::string::npos);
  EXPECT_NE(error(a, write("d.json", {{"rows", {{{"op", 3}}}}})).find("rows[0]: expected a row"),
            std::string::npos);
  EXPECT_NE(error(a, folder_ / "a.txt").find(".jsonl"), std::string::npos);
}

}  // namespace
}  // namespace mabert::bench
