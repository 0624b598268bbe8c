#include "benchmarks/harness/outputs.h"

#include <algorithm>
#include <string_view>

#include "mabert/core/error.h"
#include "mabert/core/files.h"

namespace mabert::bench {
namespace {

constexpr std::uint64_t kMostBytes = std::uint64_t{64} << 20;

// Text to JSON; `first_line`: the number of its first line in the file.
Json parse(std::string_view text, const std::filesystem::path& path, std::int64_t first_line) {
  try {
    return Json::parse(text);
  } catch (const Json::parse_error& error) {
    const auto stop = static_cast<std::ptrdiff_t>(std::min(error.byte > 0 ? error.byte - 1 : 0, text.size()));
    const std::int64_t line = first_line + std::count(text.begin(), text.begin() + stop, '\n');
    throw DataError(path.string() + ":" + std::to_string(line) + ": expected JSON, found an error at byte " +
                    std::to_string(error.byte) + (first_line == 1 ? "" : " of the line") +
                    "; was the file cut short?");
  }
}

RecordFile read_lines(const std::filesystem::path& path) {
  const std::string text = read_text_file(path, kMostBytes);
  RecordFile file;
  std::int64_t number = 0;
  for (std::size_t begin = 0; begin < text.size();) {
    const std::size_t end = std::min(text.find('\n', begin), text.size());
    const std::string_view line = std::string_view(text).substr(begin, end - begin);
    begin = end + 1;
    ++number;
    if (line.find_first_not_of(" \t\r") == std::string_view::npos) continue;
    const Json json = parse(line, path, number);
    if (json.is_object() && json.contains("header")) {
      file.header = json["header"];
    } else {
      file.records.push_back(parse_record(json, path.string() + ":" + std::to_string(number)));
    }
  }
  return file;
}

}  // namespace

Json read_json(const std::filesystem::path& path) { return parse(read_text_file(path, kMostBytes), path, 1); }

RecordFile read_records(const std::filesystem::path& path) {
  const std::string extension = path.extension().string();
  if (extension != ".json" && extension != ".jsonl") {
    throw UsageError("'" + path.string() + "': expected a file of results, .json or .jsonl");
  }
  RecordFile file;
  if (extension == ".jsonl") {
    file = read_lines(path);
  } else {
    Json json = read_json(path);
    if (!json.is_object() || !json.contains("records") || !json["records"].is_array()) {
      throw DataError(path.string() +
                      ": expected an object with a list 'records', as mabert_bench writes it");
    }
    const Json& list = json["records"];
    for (std::size_t i = 0; i < list.size(); ++i) {
      file.records.push_back(parse_record(list[i], path.string() + ": records[" + std::to_string(i) + "]"));
    }
    json.erase("records");
    file.header = std::move(json);
  }
  if (file.records.empty()) throw DataError(path.string() + ": no records in it");
  return file;
}

}  // namespace mabert::bench
