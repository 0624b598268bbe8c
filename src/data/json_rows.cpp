#include "row_reader.h"

#include <nlohmann/json.hpp>

namespace mabert::data {
namespace {

using nlohmann::json;

class JsonRows final : public RowReader {
 public:
  JsonRows(const std::filesystem::path& path, const RowValues& values)
      : values_(values), lines_(path, kRowBytes) {}

  std::optional<LabelledText> next() override {
    while (const auto line = lines_.next()) {
      if (is_blank(*line)) continue;
      const json object = json::parse(*line, nullptr, /*allow_exceptions=*/false);
      if (object.is_discarded()) lines_.fail("expected a JSON object, got what is not valid JSON");
      if (!object.is_object()) lines_.fail(std::string("expected a JSON object, got ") + article(object));
      const RowColumns& columns = values_.columns();
      LabelledText row;
      if (values_.kind() == TaskKind::tokens) {
        read_words(object, row);
      } else {
        row.first = values_.text(lines_, columns.first, string(object, columns.first));
        if (columns.second)
          row.second = values_.text(lines_, *columns.second, string(object, *columns.second));
        if (columns.label) values_.set_label(lines_, label(object), row);
      }
      if (columns.id) row.id = values_.id(lines_, scalar(*columns.id, get(object, *columns.id)));
      return row;
    }
    return std::nullopt;
  }

 private:
  static std::string article(const json& value) {
    const std::string name = value.type_name();
    if (value.is_null()) return name;
    return (value.is_array() || value.is_object() ? "an " : "a ") + name;
  }

  const json& get(const json& object, const std::string& key) const {
    const auto found = object.find(key);
    if (found != object.end()) return *found;
    std::vector<std::string> keys;
    for (const auto& item : object.items()) keys.push_back(item.key());
    lines_.fail("expected the key " + in_quotes(key) + ", got " +
                (keys.empty() ? "an empty object" : "only " + quoted_list(keys)));
  }

  const std::string& string(const json& object, const std::string& key) const {
    const json& value = get(object, key);
    if (!value.is_string()) lines_.fail(key + ": expected a string, got " + article(value));
    return value.get_ref<const std::string&>();
  }

  // What a TSV file would say.
  std::string scalar(const std::string& key, const json& value) const {
    if (value.is_string()) return value.get<std::string>();
    if (value.is_null() || value.is_structured()) {
      lines_.fail(key + ": expected a string or number, got " + article(value));
    }
    return value.dump();
  }

  std::optional<std::string> label(const json& object) const {
    const std::string& key = *values_.columns().label;
    if (!values_.needs_labels() && !object.contains(key)) return std::nullopt;
    const json& value = get(object, key);
    if (value.is_null()) return std::nullopt;
    std::string text = scalar(key, value);
    if (value.is_number() && values_.is_no_label(text)) return std::nullopt;
    return text;
  }

  const json& list(const json& object, const std::string& key) const {
    const json& value = get(object, key);
    if (!value.is_array()) lines_.fail(key + ": expected a list, got " + article(value));
    return value;
  }

  void read_words(const json& object, LabelledText& row) const {
    const RowColumns& columns = values_.columns();
    for (const json& word : list(object, columns.first)) {
      if (!word.is_string())
        lines_.fail(columns.first + ": expected a list of strings, got " + article(word) + " in it");
      row.words.push_back(values_.text(lines_, columns.first, word.get_ref<const std::string&>()));
    }
    if (row.words.empty()) lines_.fail(columns.first + ": expected words, got an empty list");
    if (!columns.label) return;
    const bool are_there = object.contains(*columns.label) && !object[*columns.label].is_null();
    if (!are_there && !values_.needs_labels()) return;
    for (const json& value : list(object, *columns.label)) {
      row.word_labels.push_back(values_.label(lines_, scalar(*columns.label, value)));
    }
    if (row.word_labels.size() != row.words.size()) {
      lines_.fail(*columns.label + ": expected " + std::to_string(row.words.size()) +
                  " labels, one for each word, got " + std::to_string(row.word_labels.size()));
    }
  }

  const RowValues& values_;
  Lines lines_;
};

}  // namespace

std::unique_ptr<RowReader> read_json_lines(const std::filesystem::path& path, const RowValues& values) {
  return std::make_unique<JsonRows>(path, values);
}

}  // namespace mabert::data
