#include "prediction_files.h"

#include <cstdio>

namespace mabert::app {

std::string decimal(double value, const char* pattern) {
  char text[48];
  std::snprintf(text, sizeof text, pattern, value);
  return text;
}

namespace {

std::string label_name(const data::TaskSpec& task, std::int32_t label) {
  return label < 0 ? "" : task.labels.at(static_cast<std::size_t>(label));
}

/// What a row of predictions says, and the probabilities behind it.
std::string prediction(const data::TaskSpec& task, const train::Predictions& predictions, std::uint64_t row) {
  return task.kind == data::TaskKind::regression
             ? decimal(static_cast<double>(predictions.values.at(row)), "%.3f")
             : label_name(task, predictions.best(row));
}

std::string probabilities(const train::Predictions& predictions, std::uint64_t row) {
  std::string text;
  if (predictions.kind == data::TaskKind::regression) return text;
  const auto columns = static_cast<std::uint64_t>(predictions.columns);
  for (std::uint64_t c = 0; c < columns; ++c)
    text += "\t" + decimal(static_cast<double>(predictions.values.at(row * columns + c)), "%.6f");
  return text;
}

/// The label as files write it; empty where there is none.
std::string target(const data::TaskSpec& task, const data::Example& example) {
  if (example.score) return decimal(static_cast<double>(*example.score), "%.3f");
  return example.label ? label_name(task, *example.label) : "";
}

void append_words(const data::TaskSpec& task, const data::Example& example,
                  const train::Predictions& predictions, std::uint64_t index, std::string& text) {
  const std::uint64_t first = predictions.begin.at(index), last = predictions.begin.at(index + 1);
  for (std::int64_t word = 0; word < example.words; ++word) {
    const std::uint64_t row = first + static_cast<std::uint64_t>(word);
    const std::string expected = example.word_labels.empty()
                                     ? ""
                                     : label_name(task, example.word_labels[static_cast<std::size_t>(word)]);
    text += std::to_string(word) + "\t" + expected + "\t";
    // Words that truncation cut off were never looked at.
    text += row < last ? prediction(task, predictions, row) + probabilities(predictions, row) : "-";
    text += '\n';
  }
  text += '\n';
}

}  // namespace

std::string submission_text(const data::TaskSpec& task, const data::LabelledSet& set,
                            const train::Predictions& predictions) {
  std::string text = "index\tprediction\n";
  for (std::uint64_t i = 0; i < set.size(); ++i)
    text += set.id(i) + "\t" + prediction(task, predictions, i) + "\n";
  return text;
}

std::string prediction_table(const data::TaskSpec& task, const data::LabelledSet& set,
                             const train::Predictions& predictions) {
  const bool words = task.kind == data::TaskKind::tokens;
  std::string text = words ? "word\tlabel\tprediction" : "id\tlabel\tprediction";
  for (const std::string& label : task.labels) text += "\tp(" + label + ")";
  text += '\n';
  for (std::uint64_t i = 0; i < set.size(); ++i) {
    const data::Example example = set[i];
    if (words) {
      append_words(task, example, predictions, i, text);
    } else {
      text += set.id(i) + "\t" + target(task, example) + "\t" + prediction(task, predictions, i) +
              probabilities(predictions, i) + "\n";
    }
  }
  return text;
}

}  // namespace mabert::app
