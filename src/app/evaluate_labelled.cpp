#include "labelled_verbs.h"
#include "prediction_files.h"
#include "set_evaluation.h"
#include "task_data.h"

#include <iostream>
#include <ostream>
#include <set>

#include <nlohmann/json.hpp>

#include "mabert/app/loaded_model.h"
#include "mabert/core/error.h"
#include "mabert/core/files.h"

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

/// Where the table of a set's predictions goes; never over another's or over the set itself.
std::filesystem::path table_path(const std::filesystem::path& folder, const std::string& set,
                                 std::set<std::filesystem::path>& written) {
  const std::filesystem::path path =
      folder / (std::filesystem::path(set).stem().string() + ".predictions.tsv");
  if (!written.insert(path).second)
    throw UsageError("--predictions: two sets would be written to " + path.string() +
                     "; evaluate one at a time");
  std::error_code not_there;
  if (std::filesystem::equivalent(path, set, not_there))
    throw UsageError("--predictions: " + path.string() +
                     " is the labelled file itself; choose another folder");
  return path;
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
  if (arguments.files.empty()) sets = open_dev_sets(loaded.config, loaded.task, *loaded.tokenizer, notes);
  for (const auto& file : arguments.files)
    sets.push_back(open_task_file(loaded.config, *loaded.tokenizer, file, notes));
  if (sets.empty())
    throw UsageError(loaded.checkpoint.string() +
                     ": its task has no dev set; name a labelled file with --file");
  for (const std::string& note : notes) std::cerr << note << '\n';

  std::set<std::filesystem::path> written;
  Json all = Json::object();
  if (!arguments.json) out << loaded.checkpoint.string() << ", " << loaded.task.title << '\n';
  for (const NamedSet& set : sets) {
    const SetEvaluation evaluated =
        evaluate_set(loaded.model, loaded.task, *set.examples, loaded.config.batch, loaded.device);
    all[set.name] = to_json(evaluated, *set.examples);
    if (arguments.predictions) {
      std::filesystem::create_directories(*arguments.predictions);
      write_file_atomically(table_path(*arguments.predictions, set.name, written),
                            prediction_table(loaded.task, *set.examples, evaluated.predictions));
    }
    if (arguments.json) continue;
    out << set.name << ": " << set.examples->size() << " examples" << describe(evaluated.evaluation) << '\n';
    if (evaluated.confusion) print_confusion(loaded.task, *evaluated.confusion, out);
  }
  if (arguments.json) {
    out << Json{{"checkpoint", loaded.checkpoint.string()}, {"task", loaded.task.name}, {"sets", all}}.dump(2)
        << '\n';
  }
  return 0;
}

}  // namespace mabert::app
