#include "mabert/data/labelled_text.h"

#include "row_reader.h"

#include <algorithm>
#include <string_view>
#include <unordered_set>

#include "mabert/core/error.h"

namespace mabert::data {
namespace {

constexpr std::size_t kMostProblems = 10;

// The texts of a row as one string; NUL stands in no text.
std::string key_of(const LabelledText& row, Overlap overlap) {
  std::string key = row.first;
  for (const std::string& word : row.words) key.append(1, '\0').append(word);
  if (overlap == Overlap::drop_rows && row.second) key.append(1, '\0').append(*row.second);
  return key;
}

class SetReader {
 public:
  SetReader(const ReadRowsOptions& options, RowReport& report) : options_(options), report_(report) {}

  void read(RowReader& reader) {
    while (true) {
      try {
        auto row = reader.next();
        if (!row) return;
        if (row->id.empty()) row->id = std::to_string(rows_.size() + skipped_);
        rows_.push_back(std::move(*row));
        ++report_.rows;
      } catch (const BadLine& error) {
        if (options_.on_bad_row == OnBadRow::fail) {
          throw DataError(std::string(error.what()) + " (data.on_bad_row=skip leaves bad rows out)");
        }
        ++skipped_;
        ++report_.skipped;
        if (first_problem_.empty()) first_problem_ = error.what();
        if (report_.problems.size() < kMostProblems) report_.problems.push_back(error.what());
      }
    }
  }

  std::vector<LabelledText> take(const std::string& where) {
    if (rows_.empty()) {
      throw DataError(
          where + ": expected rows, got " +
          (skipped_ == 0 ? "none" : "bad ones only (" + std::to_string(skipped_) + "); " + first_problem_));
    }
    return std::move(rows_);
  }

 private:
  const ReadRowsOptions& options_;
  RowReport& report_;
  std::vector<LabelledText> rows_;
  std::uint64_t skipped_ = 0;
  std::string first_problem_;
};

}  // namespace

std::vector<LabelledText> read_rows(const TaskSpec& task, const TaskSet& set,
                                    const std::filesystem::path& folder, const ReadRowsOptions& options,
                                    RowReport& report) {
  const FoundSource found = find_source(task, set, folder);
  const RowSource& source = *found.source;
  const RowValues values(task, source.columns, options.needs_labels);
  std::optional<RowFilter> filter;
  if (found.list) filter = read_row_list(*found.list, *source.list);
  SetReader reader(options, report);
  std::string names;
  for (const std::filesystem::path& file : found.files) {
    reader.read(is_jsonl(file) ? *read_json_lines(file, values)
                               : *read_tsv(file, values, source.has_header, filter));
    names += (names.empty() ? "" : ", ") + file.string();
  }
  auto rows = reader.take(names);
  report.layout_note = source.note;
  if (source.note) report.notes.push_back(names + ": " + *source.note);
  if (set.rows && *set.rows != static_cast<std::int64_t>(rows.size())) {
    report.notes.push_back(names + ": " + std::to_string(rows.size()) + " rows; the official " + set.name +
                           " set of " + task.title + " has " + std::to_string(*set.rows));
  }
  return rows;
}

std::uint64_t drop_overlap(std::vector<LabelledText>& train, const std::vector<LabelledText>& dev,
                           Overlap overlap) {
  if (overlap == Overlap::check || overlap == Overlap::keep) return 0;
  std::unordered_set<std::string> texts;
  for (const LabelledText& row : dev) texts.insert(key_of(row, overlap));
  return std::erase_if(train, [&](const LabelledText& row) { return texts.contains(key_of(row, overlap)); });
}

}  // namespace mabert::data
