#pragma once

#include <functional>
#include <string>

#include <c10/core/Device.h>
#include <spdlog/logger.h>

#include "mabert/app/run_config.h"
#include "mabert/app/run_data.h"
#include "mabert/data/tokenizer.h"
#include "mabert/nn/masked_language_model.h"
#include "mabert/train/checkpoint.h"

namespace mabert::app {

/// What pretraining runs may share.
struct PretrainingInputs {
  const data::Tokenizer& tokenizer;
  const RunData& data;
  c10::Device device;
};

struct PretrainingOutcome {
  std::string result;  ///< text of result.json
  int code = 0;        ///< exit code
};

/// Where a run finds its first weights, unless it goes on.
enum class FirstWeights {
  in_model,
  in_checkpoint,  ///< in the run directory; without one there is no run
};

/// Prepares the start of a run that is not complete. config_yaml: the run's resolved configuration.
using PrepareStart = std::function<FirstWeights(nn::MaskedLanguageModel& model,
                                                const std::string& config_yaml, spdlog::logger& log)>;

/// One masked-language-model run in config.run_dir, begun or gone on with; a complete one only gives its
/// result. config.model.vocabulary_size is resolved. Errors: UsageError (the directory holds another run, or
/// one at work), and whatever training throws.
PretrainingOutcome pretrain(const RunConfig& config, const PretrainingInputs& inputs,
                            const PrepareStart& prepare);

/// Errors: UsageError when the checkpoint was trained with another tokenizer than the shards were made with.
void require_same_tokenizer(const train::Checkpoint& checkpoint, const data::Tokenizer& tokenizer);

}  // namespace mabert::app
