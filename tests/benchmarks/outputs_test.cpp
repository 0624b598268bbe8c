#include "benchmarks/harness/outputs.h"

#include "sample_records.h"

#include <cstdlib>
#include <fstream>
#include <set>
#include <sstream>

#include <gtest/gtest.h>

#include "mabert/core/error.h"

namespace mabert::bench {
namespace {

namespace fs = std::filesystem;

template <class Exception, class Action>
std::string message(const Action& action) {
  try {
    action();
  } catch (const Exception& error) {
    return error.what();
  }
  ADD_FAILURE() << "nothing thrown";
  return "";
}

class OutputsTest : public ::testing::Test {
 protected:
  void SetUp() override {
    folder_ = fs::path(::testing::TempDir()) / "outputs_test";
    fs::remove_all(folder_);
    fs::create_directories(folder_);
  }
  void TearDown() override { fs::remove_all(folder_); }

  fs::path write(const std::string& name, const std::string& text) const {
    std::ofstream(folder_ / name) << text;
    return folder_ / name;
  }
  static std::string read(const fs::path& path) {
    std::ostringstream text;
    text << std::ifstream(path).rdbuf();
    return text.str();
  }

  fs::path folder_;
};

TEST_F(OutputsTest, WhatIsWrittenIsReadBackFromBothKinds) {
  const std::vector<Record> records{sample_record("scan", 512, 1), sample_record("scan", 1024, 2)};
  const Json header = {{"device", "CPU"}, {"commit", "abc"}};
  OutputPaths paths;
  paths.json = folder_ / "a.json";
  paths.jsonl = folder_ / "a.jsonl";
  EXPECT_TRUE(write_outputs(paths, header, records, {{"seed", 7}}).empty());
  for (const fs::path& path : {*paths.json, *paths.jsonl}) {
    const RecordFile file = read_records(path);
    ASSERT_EQ(file.records.size(), 2U);
    for (std::size_t i = 0; i < 2; ++i) EXPECT_EQ(to_json(file.records[i]), to_json(records[i]));
    EXPECT_EQ(file.header["commit"], "abc");
  }
  EXPECT_EQ(read_records(*paths.json).header["seed"], 7);
  EXPECT_FALSE(read_records(*paths.jsonl).header.contains("seed"));
}

TEST_F(OutputsTest, EachLineOfJsonCanBeReadAlone) {
  std::istringstream lines(to_json_lines({{"device", "a\nb"}}, {sample_record("x", 8, 1)}));
  std::string line;
  std::getline(lines, line);
  EXPECT_EQ(Json::parse(line)["header"]["device"], "a\nb");
  std::getline(lines, line);
  EXPECT_EQ(Json::parse(line)["subject"], "x");
  EXPECT_FALSE(std::getline(lines, line));
}

TEST_F(OutputsTest, CsvQuotesWhatItMustAndLeavesAbsentCellsEmpty) {
  Record record = sample_record("a,b", 512, 0.1);
  record.note = "say \"no\"\nand stop";
  const std::string csv = to_csv({record, sample_record("plain", 8, 1)});
  const std::size_t end = csv.find("\r\n");
  std::string names = csv.substr(0, end);
  EXPECT_EQ(names.rfind("subject,framework,measure,path,attention,dtype,layout,", 0), 0U);
  EXPECT_EQ(std::count(names.begin(), names.end(), ',') + 1,
            static_cast<std::ptrdiff_t>(csv_columns().size()));
  EXPECT_EQ(
      csv.substr(end + 2),
      "\"a,b\",mabert,forward,eager,,fp32,dense,4,512,,0,2048,0.09000000000000001,0.1,0.11000000000000001,"
      "0.11499999999999999,,0.101,21,20480000,,,,,,\"say \"\"no\"\"\nand stop\"\r\n"
      "plain,mabert,forward,eager,,fp32,dense,4,8,,0,32,0.9,1,1.1,1.15,,1.01,21,32000,,,,,,\r\n");
}

TEST_F(OutputsTest, CsvHasTailsOnlyOfEnoughSamples) {
  Record record = sample_record("x", 8, 1);
  const auto row = [&](std::int64_t samples) {
    record.ms.samples = samples;
    return to_csv({record});
  };
  EXPECT_NE(row(19).find(",1.1,,,1.01,19,"), std::string::npos) << row(19);
  EXPECT_NE(row(20).find(",1.1,1.15,,1.01,20,"), std::string::npos) << row(20);
  EXPECT_NE(row(100).find(",1.1,1.15,1.19,1.01,100,"), std::string::npos) << row(100);
}

TEST_F(OutputsTest, AFailingOutputDoesNotLoseTheOthers) {
  OutputPaths paths;
  paths.json = folder_ / "none" / "a.json";
  paths.csv = folder_ / "a.csv";
  EXPECT_ANY_THROW(write_outputs(paths, {}, {sample_record("x", 8, 1)}));
  EXPECT_NE(read(*paths.csv).find("x,mabert"), std::string::npos);
}

TEST_F(OutputsTest, NamesWithControlCharactersAreRefused) {
  Json json = to_json(sample_record("x", 8, 1));
  json["subject"] = "a\nb";
  EXPECT_NE(message<DataError>([&] { parse_record(json, "f"); }).find("control characters"),
            std::string::npos);
  json = to_json(sample_record("x", 8, 1));
  json["layout"] = "\x1b[2J";
  EXPECT_NE(message<DataError>([&] { parse_record(json, "f"); }).find("'layout'"), std::string::npos);
}

TEST_F(OutputsTest, PathsAreCheckedBeforeTheRun) {
  const auto refused = [](const OutputPaths& paths) {
    return message<UsageError>([&] { check_output_paths(paths); });
  };
  const fs::path file = write("there.json", "{}");
  EXPECT_NE(refused({.json = folder_}).find("--json: cannot write '"), std::string::npos);
  EXPECT_NE(refused({.jsonl = folder_ / "none" / "a.jsonl"}).find("--jsonl: "), std::string::npos);
  EXPECT_NE(refused({.csv = folder_ / "none" / "a.csv"}).find("make the folder"), std::string::npos);
  EXPECT_NE(refused({.csv = "/dev/null"}).find("no regular file"), std::string::npos);
  EXPECT_NE(refused({.csv = fs::path()}).find("--csv: "), std::string::npos);
  EXPECT_NE(refused({.plots = file}).find("--plots: "), std::string::npos);
  EXPECT_NE(refused({.plots = folder_ / "none" / "plots"}).find("make the folder"), std::string::npos);
  EXPECT_NE(refused({.json = file, .csv = folder_ / "." / "there.json"}).find("is already that of --json"),
            std::string::npos);
  check_output_paths(
      {.json = file, .jsonl = folder_ / "a.jsonl", .csv = folder_ / "a.csv", .plots = folder_ / "plots"});
  EXPECT_FALSE(fs::exists(folder_ / "plots"));  // nothing is made before there is something to write
  check_output_paths({.plots = folder_});
}

TEST_F(OutputsTest, ADamagedFileIsNamedWithItsLine) {
  const std::string good = dump(to_json(sample_record("x", 8, 1)), -1);
  const auto refused = [](const fs::path& path) { return message<DataError>([&] { read_records(path); }); };
  const auto lines = write("a.jsonl", "{\"header\": {}}\n" + good + "\n\n" + good.substr(0, 30) + "\n");
  EXPECT_EQ(refused(lines).rfind(lines.string() + ":4: expected JSON", 0), 0U) << refused(lines);
  const auto wrong = write("b.jsonl", good + "\n{\"subject\": 3}\n");
  EXPECT_EQ(refused(wrong).rfind(wrong.string() + ":2: record: 'ms'", 0), 0U) << refused(wrong);
  const auto cut = write("c.json", "{\n \"records\": [\n  {\"subject\": \"x\"\n");
  EXPECT_EQ(refused(cut).rfind(cut.string() + ":4: expected JSON", 0), 0U) << refused(cut);
  const auto record = write("d.json", "{\"records\": [" + good + ", {\"ms\": {}}]}");
  EXPECT_EQ(refused(record).rfind(record.string() + ": records[1]: record: 'subject'", 0), 0U);
  EXPECT_NE(refused(write("e.json", "{\"rows\": []}")).find("'records'"), std::string::npos);
  EXPECT_NE(refused(write("f.jsonl", "{\"header\": {}}\n")).find("no records"), std::string::npos);
  refused(folder_ / "missing.json");
  EXPECT_NE(message<UsageError>([&] { read_records(folder_ / "a.csv"); }).find(".jsonl"), std::string::npos);
}

TEST_F(OutputsTest, AFileTooLargeIsRefused) {
  const fs::path path = write("large.jsonl", "");
  fs::resize_file(path, (std::uintmax_t{64} << 20) + 1);
  EXPECT_NE(message<DataError>([&] { read_records(path); }).find("expected at most 67108864 bytes"),
            std::string::npos);
}

TEST_F(OutputsTest, PlotsAreWrittenIntoTheirFolder) {
  const OutputPaths paths{.plots = folder_ / "plots"};
  const std::vector<fs::path> files =
      write_outputs(paths, {}, {sample_record("scan", 512, 1), sample_record("scan", 1024, 2)});
  ASSERT_EQ(files.size(), 2U);
  EXPECT_EQ(files[0].filename(), "forward-fp32-dense-eager-by-length-time.svg");
  EXPECT_EQ(files[1].filename(), "forward-fp32-dense-eager-by-length-tokens.svg");
  for (const fs::path& file : files) EXPECT_NE(read(file).find("<svg"), std::string::npos);
}

}  // namespace
}  // namespace mabert::bench
