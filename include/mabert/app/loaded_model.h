#pragma once

#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include <c10/core/Device.h>

#include "mabert/app/run_config.h"
#include "mabert/data/task_spec.h"
#include "mabert/data/tokenizer.h"
#include "mabert/nn/masked_language_model.h"
#include "mabert/train/labelled_model.h"

namespace mabert::app {

/// The checkpoint that RUN means: as train::resolve_checkpoint, for the run directory of a fine-tuning its
/// only seed, for that of an extension the last of its stages that was trained. Errors: CheckpointError,
/// UsageError when it holds several seeds.
std::filesystem::path find_checkpoint(const std::filesystem::path& run);

/// The configuration that a checkpoint was saved with, `overrides` over it. Its task's name is empty for a
/// pretrained model.
RunConfig checkpoint_config(const std::filesystem::path& checkpoint,
                            const std::vector<std::string>& overrides);

/// Moves a module to the device, to compute in the configuration's precision.
void place(torch::nn::Module& module, const RunConfig& config, c10::Device device);

/// "bfloat16" or "float32": what a module placed on the device computes in.
std::string precision_name(const RunConfig& config, c10::Device device);

/// A pretrained model, ready to compute on `device`.
struct LoadedModel {
  std::filesystem::path checkpoint;
  RunConfig config;
  std::shared_ptr<const data::Tokenizer> tokenizer;
  nn::MaskedLanguageModel model{nullptr};
  c10::Device device;
};

/// Loads what RUN means, verified. `overrides` change the configuration that it was saved with. Errors:
/// CheckpointError, DeviceError, UsageError (a fine-tuned model).
LoadedModel load_model(const std::filesystem::path& run, const std::string& device,
                       const std::vector<std::string>& overrides);

/// A fine-tuned model, likewise.
struct LoadedLabelledModel {
  std::filesystem::path checkpoint;
  RunConfig config;
  data::TaskSpec task;
  std::shared_ptr<const data::Tokenizer> tokenizer;
  train::LabelledModel model;
  c10::Device device;
};

LoadedLabelledModel load_labelled_model(const std::filesystem::path& run, const std::string& device,
                                        const std::vector<std::string>& overrides);

}  // namespace mabert::app
