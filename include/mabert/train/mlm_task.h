#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>

#include <c10/core/Device.h>

#include "mabert/data/loader.h"
#include "mabert/nn/masked_language_model.h"
#include "mabert/train/device_batches.h"
#include "mabert/train/task.h"

namespace mabert::train {

struct MlmTaskOptions {
  c10::Device device{c10::kCPU};
  std::uint64_t seed = 0;               ///< of dropout
  std::int64_t validation_batches = 0;  ///< 0: all
};

/// Masked language modelling: -log p of the original token at every masked row.
/// Source: Devlin et al. 2019, section 3.1.
class MlmTask final : public Task {
 public:
  /// The model lies on `device`; the compute dtype is set by the caller. validation may be null.
  MlmTask(nn::MaskedLanguageModel model, std::shared_ptr<data::MlmLoader> loader,
          std::shared_ptr<const data::MlmEvaluation> validation, const MlmTaskOptions& options);

  NamedTensors parameters() const override;
  NamedTensors buffers() const override;
  bool is_decayed(const std::string& name, const at::Tensor& parameter) const override;
  std::int64_t steps_in_epoch(std::int64_t epoch) override { return loader_->steps_per_epoch(epoch); }
  StepPlan load(const Position& position) override;
  PartialLoss forward(std::int64_t micro_batch, const at::Tensor& pass) override;
  std::optional<std::string> capture_obstacle() const override;
  std::optional<Evaluation> validate() override;
  bool has_validation() const override { return validation_ != nullptr; }
  std::string accuracy_name() const override { return "masked_accuracy"; }
  std::string data_fingerprint() const override;

 private:
  nn::MaskedLanguageModel model_;
  std::shared_ptr<data::MlmLoader> loader_;
  std::shared_ptr<const data::MlmEvaluation> validation_;
  MlmTaskOptions options_;
  DeviceBatches loaded_;
};

}  // namespace mabert::train
