// The verb that teaches a pretrained model longer texts: one pretraining run for each length, every one begun
// from the one before.
#include "context_model.h"
#include "extend_directory.h"
#include "extend_result.h"
#include "pretraining.h"
#include "run_directory.h"

#include <algorithm>
#include <iostream>
#include <optional>

#include "mabert/app/context_report.h"
#include "mabert/app/extend_stages.h"
#include "mabert/app/loaded_model.h"
#include "mabert/app/signals.h"
#include "mabert/app/verbs.h"
#include "mabert/core/files.h"
#include "mabert/train/checkpoint_store.h"
#include "mabert/train/extension.h"

namespace mabert::app {
namespace {

/// train.resume means the extension as a whole; the stages of one that may go on do so by themselves.
void apply_resume(RunConfig& config, bool has_begun) {
  const std::string where = config.run_dir->string();
  if (config.train.resume == train::Resume::never && has_begun)
    throw UsageError(where + ": already holds an extension; use train.resume=auto, or another run directory");
  if (config.train.resume == train::Resume::must && !has_begun)
    throw CheckpointError(where + ": no extension to go on with; use train.resume=auto");
  config.train.resume = train::Resume::automatic;
}

/// Leaves the checkpoint that a stage begins with in its run directory, made from `from`.
void write_first_checkpoint(const RunConfig& stage, const train::Checkpoint& from,
                            const nn::MaskedLanguageModel& model, const std::string& config_yaml,
                            spdlog::logger& log) {
  const ExtendOptions& extend = stage.extend;
  train::CheckpointContent content =
      train::extend_checkpoint(from, {.length = stage.model.positions.max_length,
                                      .growth = extend.positions,
                                      .carry_optimizer = extend.carry.optimizer,
                                      .carry_data_position = extend.carry.data_position,
                                      .seed = stage.train.seed});
  train::require_weights_of(*model, content.model, from.directory().string());
  content.config_yaml = config_yaml;
  train::CheckpointStore(*stage.run_dir / "checkpoints", stage.train.keep_last).save(0, content, false);
  log.info("weights{}{} of {}", extend.carry.optimizer ? ", optimizer" : "",
           extend.carry.data_position ? ", data position" : "", from.directory().string());
}

/// Why there can be no report; empty where there can.
std::string report_obstacle(const RunConfig& config, const RunData& data) {
  const std::int64_t needed = report_lengths(config).back() - 2;
  std::uint64_t longest = 0;
  for (std::uint64_t i = 0; data.valid && i < data.valid->documents(); ++i)
    longest = std::max(longest, data.valid->length(i));
  if (static_cast<std::int64_t>(longest) >= needed) return "";
  return "the longest held-out document has " + std::to_string(longest) + " tokens, " +
         std::to_string(needed) + " are needed";
}

/// The loss by visible context of the extended model as it ended, beside that of the model it was made from:
/// neither was chosen on the held-out documents by the extension. Returns the folder.
std::filesystem::path report_context(const RunConfig& config, const RunConfig& last_stage,
                                     const std::filesystem::path& source) {
  const std::vector<std::int64_t> lengths = report_lengths(config);
  const nn::PositionGrowth growth = config.extend.positions;
  ContextReportArguments arguments;
  arguments.runs = {train::resolve_checkpoint(*last_stage.run_dir / "checkpoints" / "last"), source};
  arguments.names = {"extended" + growth_remark(last_stage.model.positions, lengths.back(), growth),
                     "source" + growth_remark(config.model.positions, lengths.back(), growth)};
  arguments.shards = config.data.shards / "valid";
  arguments.lengths = lengths;
  arguments.window = report_window(config);
  arguments.windows = config.extend.report.windows;
  arguments.batch_tokens = *config.batch.tokens;
  arguments.growth = growth;
  arguments.device = config.train.device;
  arguments.out = *config.run_dir / "context";
  arguments.stop_signal = &stop_signal();
  run_report_context(arguments, std::cerr);
  return *arguments.out;
}

}  // namespace

int run_extend(const ConfigArguments& arguments, std::ostream& out) {
  RunConfig config = load_extend_config(arguments.config, arguments.overrides);
  const std::filesystem::path directory = *config.run_dir;
  const train::Checkpoint start(find_checkpoint(*config.model.init_from));
  require_own_directory(directory, start.directory(), stage_configs(config));
  const c10::Device device = train::prepare_device(config.train);
  const auto tokenizer = open_run_tokenizer(config);
  require_same_tokenizer(start, *tokenizer);
  const RunData data = open_run_data(config, *tokenizer);
  const ExtensionSource source = describe_source(start, data);
  require_same_source(directory, source);
  const std::string obstacle = report_obstacle(config, data);
  if (!obstacle.empty() && config.extend.report.lengths)
    throw UsageError("extend.report.lengths: " + obstacle + "; give shorter ones, or null");

  std::error_code ignored;
  std::filesystem::create_directories(directory, ignored);
  const RunLock lock(directory);
  const std::vector<bool> trained = trained_stages(stage_configs(config));
  apply_resume(config, trained.front());
  const std::vector<RunConfig> stages = stage_configs(config);
  for (std::size_t i = 0; i < stages.size(); ++i) {
    if (trained[i]) require_same_run(*stages[i].run_dir, stages[i]);
  }
  if (const std::string done = finished_extension(directory, to_yaml(config)); !done.empty()) {
    std::cerr << directory.string() << ": this extension is complete; nothing to do\n";
    out << done;
    return 0;
  }
  if (!obstacle.empty()) std::cerr << "warning: there will be no context report: " << obstacle << '\n';
  std::filesystem::remove(directory / "result.json", ignored);
  write_config(directory, config);

  std::vector<std::string> results;
  for (std::size_t i = 0; i < stages.size(); ++i) {
    const RunConfig& stage = stages[i];
    std::cerr << "length " << stage.samples.max_length << " (" << i + 1 << " of " << stages.size() << ")\n";
    if (!trained[i]) discard_start(stage);
    const auto prepare = [&](nn::MaskedLanguageModel& model, const std::string& config_yaml,
                             spdlog::logger& log) {
      if (trained[i]) return FirstWeights::in_checkpoint;
      if (i == 0) {
        write_first_checkpoint(stage, start, model, config_yaml, log);
        write_source(directory, source);
      } else {
        const train::Checkpoint before(
            train::resolve_checkpoint(*stages[i - 1].run_dir / "checkpoints" / "last"));
        write_first_checkpoint(stage, before, model, config_yaml, log);
      }
      return FirstWeights::in_checkpoint;
    };
    const PretrainingOutcome outcome = pretrain(stage, {*tokenizer, data, device}, prepare);
    if (outcome.code != 0) return outcome.code;
    results.push_back(outcome.result);
  }
  install_signal_handlers();
  if (const int signal = stop_signal(); signal != 0) return 128 + signal;
  std::optional<std::filesystem::path> report;
  if (obstacle.empty()) report = report_context(config, stages.back(), source.checkpoint);
  const std::string text = extension_result(config, source, results, report);
  write_file_atomically(directory / "result.json", text);
  out << text;
  return 0;
}

}  // namespace mabert::app
