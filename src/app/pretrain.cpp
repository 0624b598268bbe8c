// The verb that trains a model on masked tokens, from random weights or those of another run.
#include "pretraining.h"
#include "run_directory.h"

#include <ostream>

#include "mabert/app/loaded_model.h"
#include "mabert/app/verbs.h"
#include "mabert/nn/initialize.h"
#include "mabert/train/labelled_model.h"

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
  require_same_tokenizer(checkpoint, tokenizer);
  const auto kept = train::start_from(checkpoint, model);
  log.info("weights of {}{}", checkpoint.directory().string(), kept.empty() ? "" : ", but not of the head");
}

}  // namespace

int run_pretrain(const ConfigArguments& arguments, std::ostream& out) {
  RunConfig config = load_run_config(arguments.config, arguments.overrides);
  require_valid("train", config.train);
  require_valid("batch", config.batch);
  const c10::Device device = train::prepare_device(config.train);
  const auto tokenizer = open_run_tokenizer(config);
  resolve_vocabulary(config, *tokenizer);
  const RunData data = open_run_data(config, *tokenizer);
  const auto prepare = [&](nn::MaskedLanguageModel& model, const std::string&, spdlog::logger& log) {
    nn::initialize_parameters(*model, config.model, config.train.seed);
    if (config.model.init_from) load_initial_weights(*config.model.init_from, *tokenizer, *model, log);
    return FirstWeights::in_model;
  };
  const PretrainingOutcome outcome = pretrain(config, {*tokenizer, data, device}, prepare);
  out << outcome.result;
  return outcome.code;
}

}  // namespace mabert::app
