#include "run_directory.h"

#include <iostream>
#include <unistd.h>

#include "mabert/app/loaded_model.h"
#include "mabert/app/run_config.h"
#include "mabert/app/run_data.h"
#include "mabert/app/signals.h"
#include "mabert/app/verbs.h"
#include "mabert/core/error.h"
#include "mabert/core/files.h"
#include "mabert/nn/initialize.h"
#include "mabert/nn/masked_language_model.h"
#include "mabert/nn/module_base.h"
#include "mabert/train/checkpoint_store.h"
#include "mabert/train/console.h"
#include "mabert/train/labelled_model.h"
#include "mabert/train/mlm_task.h"
#include "mabert/train/trainer.h"

namespace mabert::app {
namespace {

void resolve_vocabulary(RunConfig& config, const data::Tokenizer& tokenizer) {
  const std::int64_t size = tokenizer.vocabulary_size();
  if (config.model.vocabulary_size == 0) config.model.vocabulary_size = size;
  if (config.model.vocabulary_size < size) {
    throw UsageError("model.vocabulary_size: expected at least " + std::to_string(size) +
                     ", the tokenizer's pieces, got " + std::to_string(config.model.vocabulary_size) +
                     "; set it to 0 to take the tokenizer's");
  }
}

/// Weights of another run, for going on with its training. Errors: UsageError when it has another tokenizer.
void load_initial_weights(const std::filesystem::path& run, const data::Tokenizer& tokenizer,
                          torch::nn::Module& model, spdlog::logger& log) {
  const train::Checkpoint checkpoint(find_checkpoint(run));
  const std::string where = checkpoint.directory().string();
  if (data::parse_tokenizer(checkpoint.tokenizer(), where)->fingerprint() != tokenizer.fingerprint()) {
    throw UsageError(
        "model.init_from: " + where +
        " was trained with another tokenizer than data.shards; make shards with its tokenizer.model");
  }
  const auto kept = train::start_from(checkpoint, model);
  log.info("weights of {}{}", where, kept.empty() ? "" : ", but not of the head");
}

}  // namespace

int run_pretrain(const ConfigArguments& arguments, std::ostream& out) {
  RunConfig config = load_run_config(arguments.config, arguments.overrides);
  require_valid("train", config.train);
  require_valid("batch", config.batch);
  const std::filesystem::path directory = *config.run_dir;
  const c10::Device device = train::prepare_device(config.train);
  const auto tokenizer = open_run_tokenizer(config);
  resolve_vocabulary(config, *tokenizer);
  const RunData data = open_run_data(config, *tokenizer);

  std::error_code ignored;
  std::filesystem::create_directories(directory, ignored);
  const RunLock lock(directory);
  require_same_run(directory, config);
  if (const std::string done = finished_result(directory, config.train); !done.empty()) {
    std::cerr << directory.string() << ": this run is complete; nothing to do\n";
    out << done;
    return 0;
  }
  const std::string resolved = write_config(directory, config);
  const auto log = train::open_log(directory / "log.txt", std::cerr, ::isatty(STDERR_FILENO) != 0);

  nn::MaskedLanguageModel model(config.model);
  nn::initialize_parameters(*model, config.model, config.train.seed);
  if (config.model.init_from) load_initial_weights(*config.model.init_from, *tokenizer, *model, *log);
  model->to(device);
  nn::set_compute_dtype(*model, train::compute_dtype(config.train.precision, device));
  log->info("{}: {:.1f}M parameters on {} in {}, {} documents ({} tokens) to learn from, {} held out",
            directory.string(), static_cast<double>(count_parameters(*model)) / 1e6, device.str(),
            train::compute_dtype(config.train.precision, device) == at::kBFloat16 ? "bfloat16" : "float32",
            data.train->documents(), data.train->tokens(), data.valid ? data.valid->documents() : 0);
  if (config.model.vocabulary_size >= tokenizer->vocabulary_size() + 64) {
    log->warn("model.vocabulary_size is {}, the tokenizer has {} pieces; 0 takes the tokenizer's",
              config.model.vocabulary_size, tokenizer->vocabulary_size());
  }
  train::MlmTask task(model, data.train_loader(config), data.validation(config),
                      {device, config.train.seed, config.train.validation_batches});
  install_signal_handlers();
  const train::TrainResult result =
      train::train(task, {config.train, config.optimizer, config.schedule},
                   {directory, resolved, tokenizer->serialized(), log, &stop_signal()}, std::cerr,
                   ::isatty(STDERR_FILENO) != 0);
  if (result.outcome == train::Outcome::interrupted) {
    log->info("interrupted and saved at step {}; run the same command to go on", result.step);
  } else {
    log->info("done: {}", (directory / "checkpoints").string());
  }
  const std::string text = train::to_json(result);
  write_file_atomically(directory / "result.json", text);
  out << text;
  return exit_code(result);
}

}  // namespace mabert::app
