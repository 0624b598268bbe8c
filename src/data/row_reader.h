#pragma once

#include "lines.h"
#include "row_source.h"

#include <memory>
#include <optional>
#include <set>
#include <string>
#include <string_view>

#include "mabert/data/labelled_text.h"

namespace mabert::data {

/// Longest line of rows.
inline constexpr std::uint64_t kRowBytes = std::uint64_t{1} << 20;

/// User text for a message: in quotes, control characters escaped, cut after 60 bytes.
std::string in_quotes(std::string_view text);

/// Names for a message, quoted, at most ten: "a", "b", ... (12 in all).
std::string quoted_list(const std::vector<std::string>& names);

/// Checks what stands in rows and makes values of it. Errors: BadLine of `lines`, naming the column.
class RowValues {
 public:
  RowValues(const TaskSpec& task, const RowColumns& columns, bool needs_labels);

  /// A text or word: not blank, without NUL.
  std::string text(const Lines& lines, const std::string& column, std::string_view value) const;
  /// An id: one line without tabs.
  std::string id(const Lines& lines, std::string_view value) const;
  /// The class named or numbered so; numbers count where no label is itself one.
  std::int32_t label(const Lines& lines, std::string_view value) const;
  /// A row's class or score. Nothing, or an empty value, is an unlabelled row.
  void set_label(const Lines& lines, std::optional<std::string_view> value, LabelledText& row) const;
  /// Is this the number -1 that stands for no label in some exports, and not a label of the task?
  bool is_no_label(std::string_view value) const;

  TaskKind kind() const { return task_.kind; }
  bool needs_labels() const { return needs_labels_; }
  const RowColumns& columns() const { return columns_; }

 private:
  std::string expected() const;

  const TaskSpec& task_;
  RowColumns columns_;
  bool needs_labels_, are_numbers_;
};

/// The rows of one file.
class RowReader {
 public:
  virtual ~RowReader() = default;
  /// The next row; its id is empty where no column gives one. Nothing at the end. Errors: BadLine, after
  /// which the next call goes on behind the row.
  virtual std::optional<LabelledText> next() = 0;
};

/// What of a TSV file's rows counts, by the values of some of its columns joined by tabs.
struct RowFilter {
  std::vector<std::string> columns;
  std::set<std::string> values;
  bool are_kept = true;
};

/// Keep a reference to `values`. Errors: DataError for a header without the columns.
std::unique_ptr<RowReader> read_tsv(const std::filesystem::path& path, const RowValues& values,
                                    bool has_header, std::optional<RowFilter> filter);
std::unique_ptr<RowReader> read_json_lines(const std::filesystem::path& path, const RowValues& values);

/// Errors: DataError for a line without as many values as the list has columns.
RowFilter read_row_list(const std::filesystem::path& path, const RowList& list);

}  // namespace mabert::data
