#pragma once

#include "benchmarks/harness/record.h"

#include <filesystem>
#include <optional>
#include <string>
#include <vector>

namespace mabert::bench {

/// Where a verb writes its records; each is optional.
struct OutputPaths {
  std::optional<std::filesystem::path> json;   ///< one object: header, records and what else the verb has
  std::optional<std::filesystem::path> jsonl;  ///< a line {"header": {...}}, then one line for each record
  std::optional<std::filesystem::path> csv;    ///< one line of column names, then one for each record
  std::optional<std::filesystem::path> plots;  ///< a folder of SVG files

  bool any() const { return json || jsonl || csv || plots; }
};

/// Before any work: can all of them be written, each to a place of its own? Errors: UsageError naming the
/// option (--json, --jsonl, --csv, --plots).
void check_output_paths(const OutputPaths& paths);

/// Writes what was asked for, each file whole or not at all; the folder of plots is made if need be, and
/// files of other names in it are left alone. What fails does not keep the others from being written; the
/// first failure is thrown at the end. `more` goes into the JSON file only, beside header and records.
/// Returns the files of plots (none where nothing was swept). Errors: DataError, DiskFullError.
std::vector<std::filesystem::path> write_outputs(const OutputPaths& paths, const Json& header,
                                                 const std::vector<Record>& records,
                                                 const Json& more = Json::object());

/// Every line can be read alone: the first is {"header": header}, the others are records.
std::string to_json_lines(const Json& header, const std::vector<Record>& records);

/// RFC 4180 with the columns of csv_columns(); an empty cell is an absent value; numbers read back exactly.
std::string to_csv(const std::vector<Record>& records);
std::vector<std::string> csv_columns();

/// What a file of results holds. header: everything in it but the records.
struct RecordFile {
  Json header;
  std::vector<Record> records;
};

/// Reads what write_outputs wrote as .json or .jsonl. Errors: UsageError for another kind of name; DataError
/// "file:line: ..." for damaged text, "file: records[3]: ..." for a wrong record, or no records at all.
RecordFile read_records(const std::filesystem::path& path);

/// A JSON file as it is, at most 64 MiB. Errors: DataError "file:line: ...".
Json read_json(const std::filesystem::path& path);

}  // namespace mabert::bench
