#pragma once

#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include <c10/core/Device.h>

#include "mabert/app/run_config.h"
#include "mabert/data/tokenizer.h"
#include "mabert/nn/masked_language_model.h"

namespace mabert::app {

/// A pretrained model, ready to compute on `device`.
struct LoadedModel {
  std::filesystem::path checkpoint;
  RunConfig config;
  std::shared_ptr<const data::Tokenizer> tokenizer;
  nn::MaskedLanguageModel model{nullptr};
  c10::Device device;
};

/// Loads what RUN means (a run directory's best, else last checkpoint; or one checkpoint), verified.
/// `overrides` change the configuration that it was saved with. Errors: CheckpointError, DeviceError,
/// UsageError.
LoadedModel load_model(const std::filesystem::path& run, const std::string& device,
                       const std::vector<std::string>& overrides);

}  // namespace mabert::app
