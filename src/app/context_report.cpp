#include "mabert/app/context_report.h"

#include "context_model.h"
#include "context_text.h"
#include "row_names.h"

#include <iostream>
#include <memory>
#include <set>

#include <nlohmann/json.hpp>

#include "mabert/app/progress.h"
#include "mabert/app/run_data.h"
#include "mabert/core/error.h"
#include "mabert/core/files.h"
#include "mabert/data/utf8.h"

namespace mabert::app {
namespace {

namespace fs = std::filesystem;

std::vector<std::string> names_of(const ContextReportArguments& arguments) {
  if (arguments.runs.empty()) throw UsageError("expected a run; see --help");
  const std::vector<std::string> defaults = row_names(arguments.runs);
  if (arguments.names.empty()) {
    for (const std::string& name : defaults) {
      if (data::find_invalid_utf8(name))
        throw UsageError(
            "runs: expected paths in UTF-8, got one of other bytes; give its row a name with --names");
    }
    return defaults;
  }
  if (arguments.names.size() != arguments.runs.size()) {
    throw UsageError("--names: expected " + std::to_string(arguments.runs.size()) +
                     ", one for each run, got " + std::to_string(arguments.names.size()));
  }
  std::set<std::string> seen;
  for (const std::string& name : arguments.names) {
    if (data::find_invalid_utf8(name)) throw UsageError("--names: expected UTF-8 text, got other bytes");
    if (name.empty()) throw UsageError("--names: expected a name for each run, got an empty one");
    if (!seen.insert(name).second) throw UsageError("--names: \"" + name + "\": given twice");
  }
  return arguments.names;
}

void require_data_of(const ContextModel& model, const data::ShardSet& shards) {
  const std::string checkpoint = model.loaded.checkpoint.string();
  if (model.loaded.tokenizer->fingerprint() != shards.tokenizer_fingerprint()) {
    throw DataError(checkpoint + ": its tokenizer (" + model.loaded.tokenizer->fingerprint() +
                    ") is not the one that made the shards " + shards.directory().string() + " (" +
                    shards.tokenizer_fingerprint() + "); give runs and shards of one tokenizer");
  }
  const std::int64_t pieces = model.loaded.model->options().vocabulary_size;
  if (pieces < shards.vocabulary_size()) {
    throw DataError(checkpoint + ": the model has only " + std::to_string(pieces) + " of the " +
                    std::to_string(shards.vocabulary_size()) + " pieces of " + shards.directory().string());
  }
}

std::vector<train::ContextResult> evaluate(ContextModel& model, const data::ContextWindows& windows,
                                           const std::atomic<int>* stop_signal) {
  Progress progress(model.name);
  const auto show = [&](std::int64_t done, std::int64_t total) {
    if (const int signal = stop_signal == nullptr ? 0 : stop_signal->load(); signal != 0) {
      throw Error(static_cast<ExitCode>(128 + signal),
                  "the context report was interrupted; run the same command to make it");
    }
    progress.update(static_cast<std::uint64_t>(done), static_cast<std::uint64_t>(total),
                    std::to_string(done) + " of " + std::to_string(total) + " batches");
  };
  return train::evaluate_context(model.loaded.model, windows, model.loaded.device, show);
}

/// Paths need not be UTF-8.
std::string json_text(const ContextReport& report) {
  return context_json(report).dump(2, ' ', false, nlohmann::json::error_handler_t::replace) + "\n";
}

/// So that what cannot be written shows before the evaluation.
void prepare_folder(const fs::path& folder) {
  std::error_code error;
  fs::create_directories(folder, error);
  if (error) throw DataError(folder.string() + ": cannot create: " + error.message());
  const AtomicFile probe(folder / "context.json");
}

ContextReport make_report(const ContextReportArguments& arguments) {
  const std::vector<std::string> names = names_of(arguments);
  // All are loaded before the first is evaluated: what is wrong with the last one shows at once.
  std::vector<ContextModel> models;
  for (std::size_t i = 0; i < names.size(); ++i)
    models.push_back(load_context_model(arguments.runs[i], names[i], arguments.device));
  const RunConfig& config = models[0].loaded.config;
  const fs::path folder = arguments.shards.value_or(config.data.shards / "valid");
  const auto shards = std::make_shared<const data::ShardSet>(folder);
  shards->verify();
  const data::ContextWindows windows(shards, {.lengths = arguments.lengths,
                                              .window = arguments.window,
                                              .windows = arguments.windows,
                                              .batch_tokens = arguments.batch_tokens,
                                              .masking = config.masking,
                                              .seed = config.train.seed});
  for (ContextModel& model : models) {
    require_data_of(model, *shards);
    extend_positions(model, arguments.lengths.back(), arguments.growth);
  }
  if (arguments.out) prepare_folder(*arguments.out);
  ContextReport report{.shards = folder.string(),
                       .fingerprint = shards->fingerprint(),
                       .device = models[0].loaded.device.str(),
                       .options = windows.options(),
                       .windows = windows.size(),
                       .available = windows.available(),
                       .documents = windows.documents(),
                       .predicted = windows.predicted(),
                       .rows = {}};
  for (ContextModel& model : models) {
    report.rows.push_back({.name = model.name,
                           .run = model.run.string(),
                           .checkpoint = model.loaded.checkpoint.string(),
                           .positions = positions_text(model),
                           .is_grown = model.grown.has_value(),
                           .precision = precision_name(model.loaded.config, model.loaded.device),
                           .results = evaluate(model, windows, arguments.stop_signal)});
  }
  return report;
}

void write_report(const ContextReport& report, const fs::path& folder) {
  write_file_atomically(folder / "context.json", json_text(report));
  write_file_atomically(folder / "context.md", context_markdown(report));
  write_file_atomically(folder / "context.svg", to_svg(context_plot(report)));
  std::cerr << "wrote context.json, context.md and context.svg to " << folder.string() << '\n';
}

}  // namespace

int run_report_context(const ContextReportArguments& arguments, std::ostream& out) {
  const ContextReport report = make_report(arguments);
  if (arguments.out) write_report(report, *arguments.out);
  if (arguments.json) {
    out << json_text(report);
  } else {
    out << context_markdown(report);
  }
  return 0;
}

}  // namespace mabert::app
