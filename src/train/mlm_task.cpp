#include "mabert/train/mlm_task.h"

#include <utility>

#include "mabert/nn/parameter_groups.h"
#include "mabert/ops/masked_cross_entropy.h"
#include "mabert/train/mlm_evaluation.h"
#include "mabert/train/module_state.h"

namespace mabert::train {
MlmTask::MlmTask(nn::MaskedLanguageModel model, std::shared_ptr<data::MlmLoader> loader,
                 std::shared_ptr<const data::MlmEvaluation> validation, const MlmTaskOptions& options)
    : model_(std::move(model)),
      loader_(std::move(loader)),
      validation_(std::move(validation)),
      options_(options),
      loaded_({.device = options.device,
               .fixed = options.device.is_cuda() && !capture_obstacle(),
               .sample_keys = model_->options().dropout > 0}) {}

NamedTensors MlmTask::parameters() const { return module_parameters(*model_); }

NamedTensors MlmTask::buffers() const { return module_buffers(*model_); }

bool MlmTask::is_decayed(const std::string& name, const at::Tensor& parameter) const {
  return nn::is_decayed(name, parameter);
}

StepPlan MlmTask::load(const Position& position) {
  const data::LoaderPosition here{position.epoch, position.step};
  const data::StepBatches batches = loader_->step(here);
  loaded_.write(batches.micro_batches);
  const data::LoaderPosition next = loader_->next(here);
  return {.micro_batches = static_cast<std::int64_t>(batches.micro_batches.size()),
          .predicted = batches.predicted_in_step,
          .tokens = batches.tokens_in_step,
          .next = {next.epoch, next.step}};
}

std::optional<std::string> MlmTask::capture_obstacle() const {
  const data::BatchOptions& batch = loader_->options().batch;
  if (batch.layout != data::BatchLayout::ragged) return "batch.layout: expected ragged, got padded";
  if (!batch.fixed_shapes) return "batch.fixed_shapes: expected true, got false";
  return std::nullopt;
}

PartialLoss MlmTask::forward(std::int64_t micro_batch, const at::Tensor& pass) {
  const data::Batch& batch = loaded_.batch(micro_batch);
  nn::ForwardContext context;
  context.training = true;
  context.seed = options_.seed;
  if (model_->options().dropout > 0) {
    context.step = pass;
    context.samples = loaded_.sample_keys(micro_batch);
  }
  const at::Tensor hidden =
      model_->hidden(batch.token_ids, batch.segment_ids, batch.layout, context);  // (T, D)
  const at::Tensor logits = model_->logits(hidden, batch.predicted_rows);         // (P, V padded)
  const auto loss = ops::masked_cross_entropy(logits, batch.labels, model_->options().vocabulary_size);
  return {loss.loss_sum, loss.correct};
}

std::optional<Evaluation> MlmTask::validate() {
  if (!validation_) return std::nullopt;
  return evaluate_mlm(model_, *validation_, options_.device, {.max_batches = options_.validation_batches});
}

std::string MlmTask::data_fingerprint() const {
  return "train " + loader_->shards().fingerprint() + ", valid " +
         (validation_ ? validation_->shards().fingerprint() : "none");
}

}  // namespace mabert::train
