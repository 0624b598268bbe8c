#include "row_reader.h"

#include <algorithm>
#include <functional>

namespace mabert::data {
namespace {

using Fields = std::vector<std::string_view>;

Fields split(std::string_view line) {
  Fields fields;
  while (true) {
    const std::size_t tab = line.find('\t');
    fields.push_back(line.substr(0, tab));
    if (tab == std::string_view::npos) return fields;
    line.remove_prefix(tab + 1);
  }
}

std::string join(const Fields& fields) {
  std::string all;
  for (std::size_t i = 0; i < fields.size(); ++i) all.append(i > 0 ? "\t" : "").append(fields[i]);
  return all;
}

// Where the columns stand in a file.
struct Places {
  std::size_t fields = 0, first = 0;
  std::optional<std::size_t> second, label, id;
  std::vector<std::size_t> filter;
};

using Find = std::function<std::optional<std::size_t>(const std::string&)>;

class TsvFile {
 public:
  TsvFile(const std::filesystem::path& path, const RowValues& values, bool has_header,
          std::vector<std::string> filter_columns)
      : values_(values), filter_columns_(std::move(filter_columns)), lines_(path, kRowBytes) {
    if (has_header) read_header();
  }

  std::optional<std::string_view> line() { return lines_.next(); }
  const Lines& lines() const { return lines_; }
  const Places& places() const { return *places_; }

  Fields split_line(std::string_view line) {
    const Fields fields = split(line);
    if (!places_) count(fields);
    if (fields.size() == places_->fields) return fields;
    lines_.fail("expected " + std::to_string(places_->fields) + " fields between tabs, as " + model_ +
                ", got " + (line.empty() ? "an empty line" : std::to_string(fields.size())));
  }

  std::optional<std::string_view> label_of(const Fields& fields) const {
    return places_->label ? std::optional(fields[*places_->label]) : std::nullopt;
  }

 private:
  void read_header() {
    std::optional<std::string_view> line;
    do line = lines_.next();
    while (line && is_blank(*line));
    if (!line) throw DataError(lines_.name() + ": expected a header and rows, got an empty file");
    const Fields names = split(*line);
    std::vector<std::string> wanted, missing;
    place(
        names.size(),
        [&](const std::string& column) {
          const auto found = std::find(names.begin(), names.end(), column);
          wanted.push_back(column);
          if (found != names.end() && std::find(found + 1, names.end(), column) != names.end()) {
            throw DataError(lines_.where() + ": expected each column once, got " + in_quotes(column) +
                            " twice");
          }
          return found == names.end() ? std::nullopt
                                      : std::optional(static_cast<std::size_t>(found - names.begin()));
        },
        missing);
    if (!missing.empty()) {
      throw DataError(lines_.where() + ": expected a header with " + quoted_list(wanted) +
                      ", got one without " + quoted_list(missing) + ": " +
                      quoted_list({names.begin(), names.end()}));
    }
    model_ = "in the header";
  }

  // Without a header the first row tells how many fields a row has.
  void count(const Fields& fields) {
    std::vector<std::string> missing;
    place(
        fields.size(),
        [&](const std::string& column) {
          const std::size_t number = column_number(column).value_or(0);
          return number >= 1 && number <= fields.size() ? std::optional(number - 1) : std::nullopt;
        },
        missing);
    if (!missing.empty()) {
      throw DataError(lines_.where() + ": expected fields between tabs up to " + quoted_list(missing) +
                      ", got " + std::to_string(fields.size()));
    }
    model_ = "in line " + lines_.where().substr(lines_.name().size() + 1);
  }

  void place(std::size_t fields, const Find& find, std::vector<std::string>& missing) {
    const auto need = [&](const std::string& column) {
      const auto found = find(column);
      if (!found) missing.push_back(column);
      return found.value_or(0);
    };
    const RowColumns& columns = values_.columns();
    Places places;
    places.fields = fields;
    places.first = need(columns.first);
    if (columns.second) places.second = need(*columns.second);
    if (columns.label) {
      if (values_.needs_labels()) {
        places.label = need(*columns.label);
      } else {
        places.label = find(*columns.label);
      }
    }
    if (columns.id) places.id = need(*columns.id);
    for (const std::string& column : filter_columns_) places.filter.push_back(need(column));
    places_ = std::move(places);
  }

  const RowValues& values_;
  std::vector<std::string> filter_columns_;
  Lines lines_;
  std::optional<Places> places_;
  std::string model_;  // what tells how many fields a row has
};

class TsvRows final : public RowReader {
 public:
  TsvRows(const std::filesystem::path& path, const RowValues& values, bool has_header,
          std::optional<RowFilter> filter)
      : values_(values),
        filter_(std::move(filter)),
        file_(path, values, has_header, filter_ ? filter_->columns : std::vector<std::string>()) {}

  std::optional<LabelledText> next() override {
    while (const auto line = file_.line()) {
      const Fields fields = file_.split_line(*line);
      const Places& places = file_.places();
      if (!counts(fields)) continue;
      const RowColumns& columns = values_.columns();
      LabelledText row;
      row.first = values_.text(file_.lines(), columns.first, fields[places.first]);
      if (places.second) row.second = values_.text(file_.lines(), *columns.second, fields[*places.second]);
      if (columns.label) values_.set_label(file_.lines(), file_.label_of(fields), row);
      if (places.id) row.id = values_.id(file_.lines(), fields[*places.id]);
      return row;
    }
    return std::nullopt;
  }

 private:
  bool counts(const Fields& fields) const {
    if (!filter_) return true;
    Fields values;
    for (const std::size_t place : file_.places().filter) values.push_back(fields[place]);
    return filter_->values.contains(join(values)) == filter_->are_kept;
  }

  const RowValues& values_;
  std::optional<RowFilter> filter_;
  TsvFile file_;
};

// A word a line, a blank line between sentences.
class TsvSentences final : public RowReader {
 public:
  TsvSentences(const std::filesystem::path& path, const RowValues& values, bool has_header)
      : values_(values), file_(path, values, has_header, {}) {}

  std::optional<LabelledText> next() override {
    LabelledText row;
    std::optional<BadLine> bad;
    while (true) {
      try {
        const auto line = file_.line();
        if (!line) break;
        if (!is_blank(*line)) {
          append(*line, row);
        } else if (bad || !row.words.empty()) {
          break;
        }
      } catch (const BadLine& error) {
        // The whole sentence is left out.
        if (!bad) bad = error;
      }
    }
    if (bad) throw *bad;
    return row.words.empty() ? std::nullopt : std::optional(std::move(row));
  }

 private:
  void append(std::string_view line, LabelledText& row) {
    const Fields fields = file_.split_line(line);
    const Places& places = file_.places();
    row.words.push_back(values_.text(file_.lines(), values_.columns().first, fields[places.first]));
    if (const auto label = file_.label_of(fields))
      row.word_labels.push_back(values_.label(file_.lines(), *label));
    if (places.id && row.id.empty()) row.id = values_.id(file_.lines(), fields[*places.id]);
  }

  const RowValues& values_;
  TsvFile file_;
};

}  // namespace

std::unique_ptr<RowReader> read_tsv(const std::filesystem::path& path, const RowValues& values,
                                    bool has_header, std::optional<RowFilter> filter) {
  if (values.kind() == TaskKind::tokens) return std::make_unique<TsvSentences>(path, values, has_header);
  return std::make_unique<TsvRows>(path, values, has_header, std::move(filter));
}

RowFilter read_row_list(const std::filesystem::path& path, const RowList& list) {
  RowFilter filter{list.columns, {}, list.are_kept};
  Lines lines(path, kRowBytes);
  while (const auto line = lines.next()) {
    if (is_blank(*line)) continue;
    const Fields fields = split(*line);
    if (fields.size() != list.columns.size()) {
      lines.fail("expected " + std::to_string(list.columns.size()) + " ids with a tab between, got " +
                 std::to_string(fields.size()));
    }
    filter.values.insert(join(fields));
  }
  return filter;
}

}  // namespace mabert::data
