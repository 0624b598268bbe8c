#include "benchmarks/compare/compare.h"

#include "mabert/core/error.h"

namespace mabert::bench {
namespace {

// A row of `ops`: its time when called and, where there is one, when replayed as a graph.
void add_row(const Json& row, const std::string& where, std::vector<Record>& records) {
  Record record;
  record.framework = "mabert";
  const auto add = [&](const char* times, const char* path) {
    const Json& summary = row.at(times);
    record.path = path;
    record.ms = {.p10 = summary.at("p10").get<double>(),
                 .p50 = summary.at("median").get<double>(),
                 .p90 = summary.at("p90").get<double>(),
                 .samples = summary.at("samples").get<std::int64_t>()};
    records.push_back(record);
  };
  try {
    record.subject = row.at("op").get<std::string>();
    record.measure = row.at("pass").get<std::string>();
    record.layout = row.at("batch").get<std::string>();
    record.dtype = row.at("dtype").get<std::string>();
    record.sequences = row.at("shape").at(0).get<std::int64_t>();
    record.length = row.at("shape").at(1).get<std::int64_t>();
    record.channels = row.at("shape").at(2).get<std::int64_t>();
    record.valid_tokens = row.at("valid_rows").get<std::int64_t>();
    record.padded_fraction = 1 - static_cast<double>(record.valid_tokens) /
                                     static_cast<double>(row.at("rows").get<std::int64_t>());
    add("call_ms", "eager");
    if (row.contains("graph_ms")) add("graph_ms", "graph");
  } catch (const Json::exception&) {
    throw DataError(where + ": expected a row as `mabert_bench ops` writes it");
  }
}

}  // namespace

RecordFile read_comparable(const std::filesystem::path& path) {
  if (path.extension() != ".json") return read_records(path);
  Json json = read_json(path);
  if (!json.is_object() || json.contains("records")) return read_records(path);
  if (!json.contains("rows") || !json["rows"].is_array() || json["rows"].empty()) {
    throw DataError(path.string() +
                    ": expected a list 'records' (or 'rows' of ops), as mabert_bench writes it");
  }
  RecordFile file;
  for (std::size_t i = 0; i < json["rows"].size(); ++i) {
    add_row(json["rows"][i], path.string() + ": rows[" + std::to_string(i) + "]", file.records);
  }
  json.erase("rows");
  file.header = std::move(json);
  return file;
}

}  // namespace mabert::bench
