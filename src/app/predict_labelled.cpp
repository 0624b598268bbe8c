#include "labelled_verbs.h"
#include "prediction_files.h"
#include "text_lines.h"

#include <iostream>
#include <ostream>
#include <sstream>

#include <nlohmann/json.hpp>

#include "mabert/app/loaded_model.h"
#include "mabert/core/error.h"
#include "mabert/data/labelled_set.h"
#include "mabert/train/labelled_evaluation.h"

namespace mabert::app {
namespace {

using Json = nlohmann::ordered_json;

constexpr std::size_t kTextsPerBatch = 64;

bool takes_pairs(const data::TaskSpec& task) {
  const data::TaskSet& set = task.train.empty() ? task.test.front() : task.train.front();
  return set.sources.front().columns.second.has_value();
}

/// A line as an example of the task. Errors: DataError with the line's place.
data::LabelledText parse_line(const TextLine& line, const data::TaskSpec& task) {
  data::LabelledText text;
  if (task.kind == data::TaskKind::tokens) {
    std::istringstream words(line.text);
    for (std::string word; words >> word;) text.words.push_back(word);
    if (text.words.empty()) throw DataError(line.place + ": expected words, got white space");
    return text;
  }
  const std::size_t tab = line.text.find('\t');
  const bool pairs = takes_pairs(task);
  if (pairs != (tab != std::string::npos) || (pairs && line.text.find('\t', tab + 1) != std::string::npos)) {
    throw DataError(
        line.place +
        (pairs ? ": expected two texts separated by one tab" : ": expected one text without a tab") +
        ", for " + task.title);
  }
  text.first = line.text.substr(0, tab);
  if (pairs) text.second = line.text.substr(tab + 1);
  const auto is_blank = [](const std::string& part) {
    return part.find_first_not_of(" \t\r") == std::string::npos;
  };
  if (is_blank(text.first) || (text.second && is_blank(*text.second)))
    throw DataError(line.place + ": expected text, got nothing but white space");
  return text;
}

class Printer {
 public:
  Printer(const data::TaskSpec& task, const train::Predictions& predictions, bool json, std::ostream& out)
      : task_(task), predictions_(predictions), json_(json), out_(out) {}

  void print(const TextLine& line, const data::LabelledText& text, std::uint64_t index) const {
    if (task_.kind == data::TaskKind::tokens) return print_words(text, index);
    if (task_.kind == data::TaskKind::regression) {
      const double value = static_cast<double>(predictions_.values.at(index));
      if (json_) {
        out_ << Json{{"text", line.text}, {"value", value}}.dump() << '\n';
      } else {
        out_ << decimal(value, "%.3f") << '\t' << line.text << '\n';
      }
      return;
    }
    if (json_) {
      out_ << Json{{"text", line.text}, {"label", label(index)}, {"probabilities", probabilities(index)}}
                  .dump()
           << '\n';
    } else {
      out_ << label(index) << '\t' << decimal(probability(index), "%.4f") << '\t' << line.text << '\n';
    }
  }

 private:
  const std::string& label(std::uint64_t row) const {
    return task_.labels.at(static_cast<std::size_t>(predictions_.best(row)));
  }
  double value(std::uint64_t row, std::int64_t column) const {
    return static_cast<double>(predictions_.values.at(row * static_cast<std::uint64_t>(predictions_.columns) +
                                                      static_cast<std::uint64_t>(column)));
  }
  double probability(std::uint64_t row) const { return value(row, predictions_.best(row)); }
  Json probabilities(std::uint64_t row) const {
    Json json = Json::object();
    for (std::size_t c = 0; c < task_.labels.size(); ++c)
      json[task_.labels[c]] = value(row, static_cast<std::int64_t>(c));
    return json;
  }

  void print_words(const data::LabelledText& text, std::uint64_t index) const {
    const std::uint64_t first = predictions_.begin.at(index),
                        count = predictions_.begin.at(index + 1) - first;
    Json words = Json::array();
    for (std::size_t word = 0; word < text.words.size(); ++word) {
      // Words beyond the model's longest example have no prediction.
      const bool seen = word < count;
      if (json_) {
        words.push_back({{"word", text.words[word]}, {"label", seen ? Json(label(first + word)) : Json()}});
        if (seen) words.back()["probability"] = probability(first + word);
      } else {
        out_ << text.words[word] << '\t' << (seen ? label(first + word) : "-") << '\t'
             << (seen ? decimal(probability(first + word), "%.4f") : "-") << '\n';
      }
    }
    if (json_) out_ << Json{{"words", words}}.dump();
    out_ << '\n';
  }

  const data::TaskSpec& task_;
  const train::Predictions& predictions_;
  bool json_;
  std::ostream& out_;
};

void predict_batch(LoadedLabelledModel& loaded, const std::vector<TextLine>& lines, bool json,
                   std::ostream& out) {
  std::vector<data::LabelledText> texts;
  for (const TextLine& line : lines) texts.push_back(parse_line(line, loaded.task));
  const data::LabelledSet set(loaded.task.kind, texts, *loaded.tokenizer, loaded.config.samples.max_length);
  for (std::uint64_t i = 0; i < set.size(); ++i) {
    if (set[i].is_truncated)
      std::cerr << lines[i].place << ": shortened to samples.max_length=" << loaded.config.samples.max_length
                << '\n';
  }
  const auto predictions = train::predict(loaded.model, loaded.task, set, loaded.config.batch, loaded.device);
  const Printer printer(loaded.task, predictions, json, out);
  for (std::size_t i = 0; i < lines.size(); ++i) printer.print(lines[i], texts[i], i);
  out.flush();
}

}  // namespace

int predict_labelled(const PredictArguments& arguments, std::istream& in, std::ostream& out) {
  TextLines lines(arguments.input, in);
  LoadedLabelledModel loaded = load_labelled_model(arguments.run, arguments.device, {});
  std::vector<TextLine> batch;
  std::size_t answered = 0;
  const auto answer = [&] {
    if (!batch.empty()) predict_batch(loaded, batch, arguments.json, out);
    batch.clear();
  };
  while (auto line = lines.next()) {
    if (line->text.empty()) {
      // Lines of output stand beside lines of input.
      answer();
      out << (arguments.json ? "null\n" : "\n");
      continue;
    }
    batch.push_back(std::move(*line));
    ++answered;
    if (batch.size() == (arguments.input ? kTextsPerBatch : 1)) answer();
  }
  answer();
  if (answered == 0) throw DataError(lines.name() + ": no text; give one example a line");
  return 0;
}

}  // namespace mabert::app
