#include "benchmarks/harness/record.h"

#include "sample_records.h"

#include <gtest/gtest.h>

#include "mabert/core/error.h"

namespace mabert::bench {
namespace {

std::string data_error(const Json& json) {
  try {
    parse_record(json, "a.jsonl:7");
  } catch (const DataError& error) {
    return error.what();
  }
  ADD_FAILURE() << "no DataError for " << json;
  return "";
}

Record full_record() {
  Record record = sample_record("mabert-base", 512, 2.5);
  record.path = "graph";
  record.attention = "flash";
  record.channels = 1536;
  record.padded_fraction = 1.0 / 3;
  record.peak_bytes = 3e9;
  record.tflop_per_second = 512.25;
  record.gigabytes_per_second = 3120.5;
  record.matmul_share = 0.61;
  record.bandwidth_share = 0.73;
  record.note = "a \"quoted\" note, with Δ";
  return record;
}

TEST(RecordTest, EveryFieldSurvivesAsJson) {
  const Record written = full_record();
  const Json json = Json::parse(dump(to_json(written), -1));
  const Record read = parse_record(json, "x");
  EXPECT_EQ(to_json(read), to_json(written));
  EXPECT_EQ(read.key(), written.key());
  EXPECT_EQ(read.ms.p95, written.ms.p95);
  EXPECT_EQ(read.ms.samples, 21);
  EXPECT_EQ(read.padded_fraction, written.padded_fraction);
  EXPECT_EQ(read.channels, 1536);
  EXPECT_EQ(read.note, written.note);
  EXPECT_EQ(*read.bandwidth_share, 0.73);
  EXPECT_DOUBLE_EQ(json["tokens_per_second"].get<double>(), 4 * 512 / 2.5e-3);
}

TEST(RecordTest, AbsentValuesAreLeftOutAndStayAbsent) {
  const Json json = to_json(sample_record("scan", 8, 1));
  for (const char* name :
       {"attention", "channels", "peak_bytes", "tflop_per_second", "matmul_share", "note"}) {
    EXPECT_FALSE(json.contains(name)) << name;
  }
  EXPECT_FALSE(parse_record(json, "x").peak_bytes);
  EXPECT_FALSE(parse_record(json, "x").matmul_share);
}

TEST(RecordTest, KeysTellMeasurementsApartAndNotTheirNumbers) {
  const Record base = full_record();
  Record same = base;
  same.ms = {1, 2, 3, 4, 5, 6, 7};
  same.peak_bytes.reset();
  same.note.clear();
  same.matmul_share = 0.1;
  EXPECT_EQ(same.key(), base.key());
  const auto differs = [&](auto change) {
    Record other = base;
    change(other);
    return other.key() != base.key();
  };
  EXPECT_TRUE(differs([](Record& r) { r.subject = "x"; }));
  EXPECT_TRUE(differs([](Record& r) { r.framework = "x"; }));
  EXPECT_TRUE(differs([](Record& r) { r.measure = "x"; }));
  EXPECT_TRUE(differs([](Record& r) { r.path = "x"; }));
  EXPECT_TRUE(differs([](Record& r) { r.attention = "x"; }));
  EXPECT_TRUE(differs([](Record& r) { r.dtype = "x"; }));
  EXPECT_TRUE(differs([](Record& r) { r.layout = "x"; }));
  EXPECT_TRUE(differs([](Record& r) { r.sequences = 5; }));
  EXPECT_TRUE(differs([](Record& r) { r.length = 5; }));
  EXPECT_TRUE(differs([](Record& r) { r.channels = 5; }));
  EXPECT_TRUE(differs([](Record& r) { r.padded_fraction = 0.5; }));
  EXPECT_TRUE(differs([](Record& r) { r.valid_tokens = 5; }));
}

TEST(RecordTest, WrongFieldsAreNamedWithTheirPlace) {
  const Json good = to_json(full_record());
  Json json = good;
  json.erase("subject");
  EXPECT_EQ(data_error(json), "a.jsonl:7: record: 'subject' is missing");
  json = good;
  json["ms"].erase("p50");
  EXPECT_EQ(data_error(json), "a.jsonl:7: record: 'ms.p50' is missing");
  json = good;
  json["ms"]["p50"] = "fast";
  EXPECT_EQ(data_error(json), "a.jsonl:7: record: 'ms.p50': expected a number of at least 0, got \"fast\"");
  json["ms"]["p50"] = 0;
  EXPECT_EQ(data_error(json), "a.jsonl:7: record: 'ms.p50': expected a time above 0, got 0");
  json = good;
  json["length"] = 1.5;
  EXPECT_EQ(data_error(json), "a.jsonl:7: record: 'length': expected a whole number, got 1.5");
  json = good;
  json["valid_tokens"] = -3;
  EXPECT_NE(data_error(json).find("'valid_tokens'"), std::string::npos);
  json = good;
  json["peak_bytes"] = "much";
  EXPECT_NE(data_error(json).find("'peak_bytes'"), std::string::npos);
  EXPECT_EQ(data_error(Json::array()), "a.jsonl:7: record: expected an object, got []");
  EXPECT_NE(data_error({{"ms", 3}}).find("expected an object, got 3"), std::string::npos);
}

TEST(RecordTest, OtherFieldsAndMissingTailsAreAccepted) {
  Json json = to_json(full_record());
  json["library"] = "transformers";
  json["ms"].erase("p99");
  json.erase("padded_fraction");
  const Record record = parse_record(json, "x");
  EXPECT_EQ(record.ms.p99, 0);
  EXPECT_EQ(record.padded_fraction, 0);
}

}  // namespace
}  // namespace mabert::bench
