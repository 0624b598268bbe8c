// The verb that teaches a pretrained model longer texts: one pretraining run for each length, every one begun
// from the one before.
#include "extend_result.h"
#include "pretraining.h"
#include "run_directory.h"

#include <algorithm>
#include <iostream>

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
void apply_resume(RunConfig& config) {
  const std::string where = config.run_dir->string();
  const bool begun = has_begun(*stage_configs(config).front().run_dir);
  if (config.train.resume == train::Resume::never && begun)
    throw UsageError(where + ": already holds an extension; use train.resume=auto, or another run directory");
  if (config.train.resume == train::Resume::must && !begun)
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

/// The loss by visible context of the extended model, beside that of the model it was made from. Returns the
/// folder; absent where no held-out document is long enough.
std::optional<std::filesystem::path> report_context(const RunConfig& config, const RunData& data,
                                                    const std::filesystem::path& extended,
                                                    const std::filesystem::path& source) {
  const std::vector<std::int64_t> lengths = report_lengths(config);
  const std::int64_t longest = lengths.back();
  std::uint64_t document = 0;
  for (std::uint64_t i = 0; data.valid && i < data.valid->documents(); ++i)
    document = std::max(document, data.valid->length(i));
  if (static_cast<std::int64_t>(document) + 2 < longest) {
    std::cerr << "no context report: the longest held-out document has " << document << " tokens, "
              << longest - 2 << " are needed (extend.report.lengths)\n";
    return std::nullopt;
  }
  ContextReportArguments arguments;
  arguments.runs = {extended, source};
  arguments.names = {"extended", "source"};
  if (config.model.positions.type == nn::PositionType::learned) {
    arguments.names.back() += config.extend.positions == nn::PositionGrowth::tile
                                  ? ", positions tiled"
                                  : ", positions interpolated";
  }
  arguments.shards = config.data.shards / "valid";
  arguments.lengths = lengths;
  arguments.window = config.extend.report.window;
  arguments.windows = config.extend.report.windows;
  arguments.batch_tokens = *config.batch.tokens;
  arguments.growth = config.extend.positions;
  arguments.device = config.train.device;
  arguments.out = *config.run_dir / "context";
  run_report_context(arguments, std::cerr);
  return arguments.out;
}

}  // namespace

int run_extend(const ConfigArguments& arguments, std::ostream& out) {
  RunConfig config = load_extend_config(arguments.config, arguments.overrides);
  const std::filesystem::path directory = *config.run_dir;
  const train::Checkpoint start(find_checkpoint(*config.model.init_from));
  const ExtensionSource source = describe_source(start);
  const c10::Device device = train::prepare_device(config.train);
  const auto tokenizer = open_run_tokenizer(config);
  require_same_tokenizer(start, *tokenizer);
  const RunData data = open_run_data(config, *tokenizer);

  std::error_code ignored;
  std::filesystem::create_directories(directory, ignored);
  const RunLock lock(directory);
  apply_resume(config);
  const std::vector<RunConfig> stages = stage_configs(config);
  if (has_begun(*stages.front().run_dir)) require_same_source(directory, source);
  for (const RunConfig& stage : stages) require_same_run(*stage.run_dir, stage);
  if (const std::string done = finished_extension(directory, to_yaml(config)); !done.empty()) {
    std::cerr << directory.string() << ": this extension is complete; nothing to do\n";
    out << done;
    return 0;
  }
  std::filesystem::remove(directory / "result.json", ignored);
  write_config(directory, config);

  std::vector<std::string> results;
  for (std::size_t i = 0; i < stages.size(); ++i) {
    const RunConfig& stage = stages[i];
    std::cerr << "length " << stage.samples.max_length << " (" << i + 1 << " of " << stages.size() << ")\n";
    const auto prepare = [&](nn::MaskedLanguageModel& model, const std::string& config_yaml,
                             spdlog::logger& log) {
      if (has_begun(*stage.run_dir)) return;
      if (i == 0) {
        write_source(directory, source);
        write_first_checkpoint(stage, start, model, config_yaml, log);
      } else {
        const train::Checkpoint before(
            train::resolve_checkpoint(*stages[i - 1].run_dir / "checkpoints" / "last"));
        write_first_checkpoint(stage, before, model, config_yaml, log);
      }
    };
    const PretrainingOutcome outcome = pretrain(stage, {*tokenizer, data, device}, prepare);
    if (outcome.code != 0) return outcome.code;
    results.push_back(outcome.result);
  }
  if (const int signal = stop_signal(); signal != 0) return 128 + signal;
  const auto report = report_context(config, data, *stages.back().run_dir, source.checkpoint);
  const std::string text = extension_result(config, source, results, report);
  write_file_atomically(directory / "result.json", text);
  out << text;
  return 0;
}

}  // namespace mabert::app
