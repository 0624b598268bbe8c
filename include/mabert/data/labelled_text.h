#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "mabert/data/task_options.h"
#include "mabert/data/task_spec.h"

namespace mabert::data {

/// One example as it stands in a file.
struct LabelledText {
  std::string first;  ///< empty for token tasks
  std::optional<std::string> second = {};
  std::vector<std::string> words = {};         ///< token tasks
  std::optional<std::int32_t> label = {};      ///< class; absent: unlabelled, or no classification
  std::optional<float> score = {};             ///< regression
  std::vector<std::int32_t> word_labels = {};  ///< token tasks; empty: unlabelled
  std::string id = {};
};

/// What reading met.
struct RowReport {
  std::uint64_t rows = 0, skipped = 0;
  std::vector<std::string> problems;       ///< the first ten of the skipped, one line each
  std::optional<std::string> layout_note;  ///< of the layout that was found
  std::vector<std::string> notes;  ///< what to know of the files, e.g. that row counts are not the official
};

struct ReadRowsOptions {
  OnBadRow on_bad_row = OnBadRow::fail;
  bool needs_labels = true;  ///< false: a set without labels is fine, labels that are there are read
};

/// The rows of a set, from the first of its sources whose files all exist under `folder`. TSV: fields split
/// at tabs, quotes are literal, a byte order mark and carriage returns at line ends are dropped; xz is
/// unpacked. Token tasks: TSV is a word and its label a line, a blank line between sentences; JSONL has
/// lists. Bad rows (fields missing or too many, unknown label, number out of range, empty text, line longer
/// than 1 MiB, NUL, invalid UTF-8) fail with DataError "file:line: expected …, got …", or are skipped and
/// counted. Errors: DataError (no file; header without the columns; no row left).
std::vector<LabelledText> read_rows(const TaskSpec& task, const TaskSet& set,
                                    const std::filesystem::path& folder, const ReadRowsOptions& options,
                                    RowReport& report);

/// Do the files of one of the set's sources exist under `folder`?
bool is_present(const TaskSet& set, const std::filesystem::path& folder);

/// Removes training rows as `overlap` says and returns how many.
std::uint64_t drop_overlap(std::vector<LabelledText>& train, const std::vector<LabelledText>& dev,
                           Overlap overlap);

}  // namespace mabert::data
