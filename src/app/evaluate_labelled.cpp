#include "labelled_verbs.h"
#include "prediction_files.h"
#include "task_data.h"

#include <cstdio>
#include <iostream>
#include <ostream>

#include <nlohmann/json.hpp>

#include "mabert/app/loaded_model.h"
#include "mabert/core/error.h"
#include "mabert/core/files.h"
#include "mabert/train/labelled_evaluation.h"

namespace mabert::app {
namespace {

using Json = nlohmann::ordered_json;

void print_confusion(const data::TaskSpec& task, const metrics::ConfusionMatrix& matrix, std::ostream& out) {
  constexpr std::int64_t kMost = 20;
  if (matrix.labels() > kMost) return;
  std::size_t width = 10;
  for (const std::string& label : task.labels) width = std::max(width, label.size() + 2);
  const auto cell = [&](const std::string& text) {
    out << std::string(width > text.size() ? width - text.size() : 1, ' ') << text;
  };
  cell("label");
  for (const std::string& label : task.labels) cell(label);
  out << "   (columns: predicted)\n";
  for (std::int64_t label = 0; label < matrix.labels(); ++label) {
    cell(task.labels[static_cast<std::size_t>(label)]);
    for (std::int64_t predicted = 0; predicted < matrix.labels(); ++predicted)
      cell(std::to_string(matrix.count(label, predicted)));
    out << '\n';
  }
}

std::string file_name(const std::string& set) {
  std::string name = std::filesystem::path(set).filename().string();
  return name.ends_with(".tsv") ? name : name + ".tsv";
}

}  // namespace

int evaluate_labelled(const EvaluateArguments& arguments, std::ostream& out) {
  if (arguments.shards || arguments.baseline || arguments.reset_scan_state || arguments.zero_attention) {
    throw UsageError(
        arguments.run.string() +
        ": --shards, --baseline and the ablations are for pretrained models; this one is fine-tuned");
  }
  LoadedLabelledModel loaded = load_labelled_model(arguments.run, arguments.device, arguments.overrides);
  std::vector<std::string> notes;
  std::vector<NamedSet> sets;
  if (arguments.files.empty()) {
    TaskData data = open_task_data(loaded.config, loaded.task, *loaded.tokenizer);
    sets = std::move(data.dev);
    notes = std::move(data.notes);
  }
  for (const auto& file : arguments.files)
    sets.push_back(open_task_file(loaded.config, loaded.task, *loaded.tokenizer, file, notes));
  for (const std::string& note : notes) std::cerr << note << '\n';

  Json all = Json::object();
  if (!arguments.json) out << loaded.checkpoint.string() << ", " << loaded.task.title << '\n';
  for (const NamedSet& set : sets) {
    const auto predictions =
        train::predict(loaded.model, loaded.task, *set.examples, loaded.config.batch, loaded.device);
    const auto evaluation = train::evaluate(loaded.task, *set.examples, predictions);
    Json json{{"examples", set.examples->size()}, {"loss", evaluation.loss}};
    for (const auto& [name, value] : evaluation.values) json[name] = value;
    all[set.name] = json;
    if (arguments.predictions) {
      std::filesystem::create_directories(*arguments.predictions);
      write_file_atomically(*arguments.predictions / file_name(set.name),
                            prediction_table(loaded.task, *set.examples, predictions));
    }
    if (arguments.json) continue;
    out << set.name << ": " << set.examples->size() << " examples";
    for (const auto& [name, value] : evaluation.values) {
      char text[64];
      std::snprintf(text, sizeof text, "  %s %.4f", name.c_str(), value);
      out << text;
    }
    char text[64];
    std::snprintf(text, sizeof text, "  loss %.4f\n", evaluation.loss);
    out << text;
    if (loaded.task.kind != data::TaskKind::regression)
      print_confusion(loaded.task, train::confusion(loaded.task, *set.examples, predictions), out);
  }
  if (arguments.json) {
    out << Json{{"checkpoint", loaded.checkpoint.string()}, {"task", loaded.task.name}, {"sets", all}}.dump(2)
        << '\n';
  }
  return 0;
}

}  // namespace mabert::app
