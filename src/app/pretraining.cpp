#include "pretraining.h"

#include "run_directory.h"

#include <iostream>
#include <unistd.h>

#include "mabert/app/loaded_model.h"
#include "mabert/app/signals.h"
#include "mabert/core/files.h"
#include "mabert/train/console.h"
#include "mabert/train/mlm_task.h"
#include "mabert/train/trainer.h"

namespace mabert::app {

void require_same_tokenizer(const train::Checkpoint& checkpoint, const data::Tokenizer& tokenizer) {
  const std::string where = checkpoint.directory().string();
  if (data::parse_tokenizer(checkpoint.tokenizer(), where)->fingerprint() == tokenizer.fingerprint()) return;
  throw UsageError(
      "model.init_from: " + where +
      " was trained with another tokenizer than data.shards; make shards with its tokenizer.model");
}

PretrainingOutcome pretrain(const RunConfig& config, const PretrainingInputs& inputs,
                            const PrepareStart& prepare) {
  const std::filesystem::path directory = *config.run_dir;
  std::error_code ignored;
  std::filesystem::create_directories(directory, ignored);
  const RunLock lock(directory);
  require_same_run(directory, config);
  if (std::string done = finished_result(directory, config.train); !done.empty()) {
    std::cerr << directory.string() << ": this run is complete; nothing to do\n";
    return {std::move(done), 0};
  }
  const std::string resolved = write_config(directory, config);
  const bool is_terminal = ::isatty(STDERR_FILENO) != 0;
  const auto log = train::open_log(directory / "log.txt", std::cerr, is_terminal);

  nn::MaskedLanguageModel model(config.model);
  train::TrainOptions options = config.train;
  if (prepare(model, resolved, *log) == FirstWeights::in_checkpoint) options.resume = train::Resume::must;
  place(*model, config, inputs.device);
  const RunData& data = inputs.data;
  log->info("{}: {:.1f}M parameters on {} in {}, {} documents ({} tokens) to learn from, {} held out",
            directory.string(), static_cast<double>(count_parameters(*model)) / 1e6, inputs.device.str(),
            precision_name(config, inputs.device), data.train->documents(), data.train->tokens(),
            data.valid ? data.valid->documents() : 0);
  if (config.model.vocabulary_size >= inputs.tokenizer.vocabulary_size() + 64) {
    log->warn("model.vocabulary_size is {}, the tokenizer has {} pieces; 0 takes the tokenizer's",
              config.model.vocabulary_size, inputs.tokenizer.vocabulary_size());
  }
  train::MlmTask task(model, data.train_loader(config), data.validation(config),
                      {inputs.device, config.train.seed, config.train.validation_batches});
  install_signal_handlers();
  const train::TrainResult result = train::train(
      task, {options, config.optimizer, config.schedule},
      {directory, resolved, inputs.tokenizer.serialized(), log, &stop_signal()}, std::cerr, is_terminal);
  if (result.outcome == train::Outcome::interrupted) {
    log->info("interrupted and saved at step {}; run the same command to go on", result.step);
  } else {
    log->info("done: {}", (directory / "checkpoints").string());
  }
  std::string text = train::to_json(result);
  write_file_atomically(directory / "result.json", text);
  return {std::move(text), exit_code(result)};
}

}  // namespace mabert::app
