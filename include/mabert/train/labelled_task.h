#pragma once

#include <memory>
#include <optional>

#include "mabert/data/labelled_batches.h"
#include "mabert/train/labelled_evaluation.h"
#include "mabert/train/labelled_model.h"
#include "mabert/train/task.h"

namespace mabert::train {

struct LabelledTaskOptions {
  c10::Device device{c10::kCPU};
  std::uint64_t seed = 0;  ///< of data order and dropout
  data::BatchOptions batch;
};

/// Fine-tuning on labelled examples: cross-entropy by example (or word), or squared error on the scale [0, 1]
/// of minimum to maximum. Source: Devlin et al. 2019, section 4.1.
class LabelledTask final : public Task {
 public:
  /// The model lies on the device; the compute dtype is set by the caller. validation: labelled examples that
  /// the trainer's validations look at; may be null. Errors: UsageError (sets without labels or of another
  /// kind; batch options).
  LabelledTask(LabelledModel& model, const data::TaskSpec& spec,
               std::shared_ptr<const data::LabelledSet> train,
               std::shared_ptr<const data::LabelledSet> validation, const LabelledTaskOptions& options);

  NamedTensors parameters() const override;
  NamedTensors buffers() const override;
  bool is_decayed(const std::string& name, const at::Tensor& parameter) const override;
  std::int64_t steps_in_epoch(std::int64_t epoch) override;
  StepPlan load(const Position& position) override;
  PartialLoss forward(std::int64_t micro_batch, const at::Tensor& pass) override;
  std::optional<Evaluation> validate() override;
  bool has_validation() const override { return validation_ != nullptr; }
  std::string accuracy_name() const override { return "accuracy"; }
  std::string data_fingerprint() const override;

 private:
  LabelledModel& model_;
  data::TaskSpec spec_;
  std::shared_ptr<const data::LabelledSet> validation_;
  LabelledTaskOptions options_;
  data::LabelledLoader loader_;
  std::vector<data::LabelledBatch> loaded_;
};

}  // namespace mabert::train
