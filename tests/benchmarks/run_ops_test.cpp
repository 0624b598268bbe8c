#include "benchmarks/ops/run_ops.h"

#include <filesystem>
#include <fstream>
#include <sstream>

#include <ATen/ops/zeros.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "mabert/core/error.h"

namespace mabert::bench {
namespace {

// An operator of no content whose checks have the given errors (tolerance 1) and whose batches are called a
// and b.
OperatorBench fake(double small_error, double timed_error, int& calls) {
  const auto check = [](double error) { return std::vector<Check>{{"x", error, 1}}; };
  const auto workloads = [=, &calls](const OpsRequest&) {
    std::vector<Workload> all(2);
    for (Workload& workload : all) {
      workload.op = "fake";
      workload.shape = {2, 8, 128};
      workload.rows = workload.valid_rows = 16;
      workload.check = [=] { return check(timed_error); };
      workload.passes = {{"forward", {.bytes = 1e6}, 1'000'000'000, [&calls](std::int64_t) -> Call {
                            return [&calls](std::int64_t) {
                              ++calls;
                              return Outputs{at::zeros({8})};
                            };
                          }}};
    }
    all[0].layout = "a";
    all[1].layout = "b";
    all[1].baseline = all[0].key();
    return all;
  };
  return {"fake", [=](const OpsRequest&) { return check(small_error); }, workloads};
}

struct Outcome {
  int code = 0;
  std::string table, log;
};

Outcome run(const OperatorBench& bench, const std::optional<std::filesystem::path>& json = {}) {
  OpsArguments arguments;
  arguments.device = "cpu";
  arguments.samples = 3;
  arguments.outputs.json = json;
  std::ostringstream out, log;
  const int code = run_ops(arguments, "mabert_bench ops", out, log, {bench});
  return {code, out.str(), log.str()};
}

TEST(RunOpsTest, GoodOperatorsAreTimedAndCompared) {
  int calls = 0;
  const std::filesystem::path path = std::filesystem::path(::testing::TempDir()) / "run_ops_test.json";
  const Outcome outcome = run(fake(0.5, 0.5, calls), path);
  EXPECT_EQ(outcome.code, 0);
  EXPECT_GT(calls, 0);
  EXPECT_NE(outcome.table.find("fake"), std::string::npos);
  std::ifstream file(path);
  const auto report = nlohmann::json::parse(file);
  for (const char* key :
       {"device", "commit", "versions", "command", "limits", "seed", "checks", "rows", "records"}) {
    EXPECT_TRUE(report.contains(key)) << key;
  }
  ASSERT_EQ(report["rows"].size(), 2U);
  EXPECT_FALSE(report["rows"][0].contains("ratio"));
  EXPECT_EQ(report["rows"][1]["ratio"]["to"], "a 2x8x128");
  std::filesystem::remove(path);
}

TEST(RunOpsTest, EveryPassIsARecordAtEqualValidTokens) {
  const std::filesystem::path folder = std::filesystem::path(::testing::TempDir()) / "run_ops_outputs";
  std::filesystem::create_directories(folder);
  OpsArguments arguments;
  arguments.device = "cpu";
  arguments.samples = 3;
  arguments.ops = "attention_pool";
  arguments.shapes = "4x32x128";
  arguments.layouts = "dense,padded";
  arguments.padded = "0.2,0.5";
  arguments.outputs = {
      .json = {}, .jsonl = folder / "a.jsonl", .csv = folder / "a.csv", .plots = folder / "plots"};
  std::ostringstream out, log;
  ASSERT_EQ(run_ops(arguments, "mabert_bench ops", out, log), 0) << log.str();
  const RecordFile file = read_records(folder / "a.jsonl");
  EXPECT_EQ(file.header["command"], "mabert_bench ops");
  ASSERT_EQ(file.records.size(), 6U);  // two passes of three batches
  const std::vector<double> fractions{0, 0, 0.2, 0.2, 0.5, 0.5};
  for (std::size_t i = 0; i < file.records.size(); ++i) {
    const Record& record = file.records[i];
    EXPECT_EQ(record.subject, "attention_pool");
    EXPECT_EQ(record.measure, i % 2 == 0 ? "forward" : "backward");
    EXPECT_EQ(record.layout, i < 2 ? "dense" : "padded");
    EXPECT_EQ(record.valid_tokens, 128);
    EXPECT_DOUBLE_EQ(record.padded_fraction, fractions[i]);
    EXPECT_EQ(record.sequences * 32, std::llround(128 / (1 - fractions[i])));
    EXPECT_EQ(record.ms.samples, 3);
    EXPECT_GT(*record.gigabytes_per_second, 0);
    EXPECT_FALSE(record.peak_bytes);  // not counted on the CPU
  }
  // The table compares both padded batches with the dense one.
  EXPECT_NE(out.str().find("5x32x128"), std::string::npos) << out.str();
  EXPECT_NE(out.str().find("8x32x128"), std::string::npos) << out.str();
  EXPECT_TRUE(std::filesystem::exists(
      folder / "plots" / "forward-fp32-padded-eager-128-channels-length-32-by-padding-time.svg"));
  std::filesystem::remove_all(folder);
}

TEST(RunOpsTest, ShapesThatCannotFitAreRefusedBeforeAnyWork) {
  OpsArguments arguments;
  arguments.device = "cpu";
  arguments.shapes = "65536x65536x128";
  std::ostringstream out, log;
  EXPECT_THROW(run_ops(arguments, "mabert_bench ops", out, log), UsageError);
  EXPECT_EQ(log.str(), "");
}

TEST(RunOpsTest, AnOperatorThatFailsItsCheckIsNamedAndNotTimed) {
  for (const bool small : {true, false}) {
    const double error = small ? std::nan("") : 2.0;
    int calls = 0;
    const Outcome outcome = run(small ? fake(error, 0, calls) : fake(0, error, calls));
    EXPECT_EQ(outcome.code, 1);
    EXPECT_EQ(calls, 0);
    EXPECT_EQ(outcome.table.find("forward"), std::string::npos) << outcome.table;
    EXPECT_NE(outcome.log.find("fake"), std::string::npos);
    EXPECT_NE(outcome.log.find("not timed"), std::string::npos);
  }
}

TEST(RunOpsTest, AReportThatCannotBeWrittenIsRefusedBeforeAnyWork) {
  int calls = 0;
  const std::filesystem::path folder = ::testing::TempDir();
  EXPECT_THROW(run(fake(0.5, 0.5, calls), folder), UsageError);
  EXPECT_THROW(run(fake(0.5, 0.5, calls), folder / "no such folder" / "a.json"), UsageError);
  EXPECT_EQ(calls, 0);
}

TEST(RunOpsTest, NothingToTimeIsAnError) {
  const OperatorBench empty{"fake",
                            [](const OpsRequest&) {
                              return std::vector<Check>{{"x", 0.5, 1}};
                            },
                            [](const OpsRequest&) { return std::vector<Workload>{}; }};
  EXPECT_THROW(run(empty), UsageError);
}

}  // namespace
}  // namespace mabert::bench
