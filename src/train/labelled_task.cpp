#include "mabert/train/labelled_task.h"

#include "sample_keys.h"

#include <utility>

#include <ATen/ops/where.h>

#include "mabert/core/error.h"
#include "mabert/nn/parameter_groups.h"
#include "mabert/ops/masked_cross_entropy.h"
#include "mabert/train/module_state.h"

namespace mabert::train {
namespace {

void check_kind(const data::TaskSpec& spec, data::TaskKind kind, const char* what) {
  if (kind != spec.kind) {
    throw UsageError("[task " + spec.name + "] " + what + ": expected the task's kind, got another");
  }
}

std::shared_ptr<const data::LabelledSet> checked(const data::TaskSpec& spec,
                                                 std::shared_ptr<const data::LabelledSet> train) {
  check_kind(spec, train->kind(), "train");
  return train;
}

/// Σ (score - (target - minimum) / (maximum - minimum))² over the sequences that have a target.
at::Tensor squared_error(const at::Tensor& scores, const at::Tensor& targets, const data::TaskSpec& spec) {
  const at::Tensor scaled = targets.sub(spec.minimum).div(spec.maximum - spec.minimum);  // (S_cap)
  const at::Tensor error = scores.select(1, 0).sub(scaled);
  return at::where(targets.eq(targets), error, at::Scalar(0)).square().sum();  // ()
}

}  // namespace

LabelledTask::LabelledTask(LabelledModel& model, const data::TaskSpec& spec,
                           std::shared_ptr<const data::LabelledSet> train,
                           std::shared_ptr<const data::LabelledSet> validation,
                           const LabelledTaskOptions& options)
    : model_(model),
      spec_(spec),
      validation_(std::move(validation)),
      options_(options),
      loader_(checked(spec, std::move(train)), options.batch, options.seed) {
  check_kind(spec_, model_.kind(), "model");
  if (!validation_) return;
  check_kind(spec_, validation_->kind(), "validation");
  if (!validation_->is_labelled()) {
    throw UsageError("[task " + spec_.name +
                     "] validation: expected a label for every example, got some without");
  }
}

NamedTensors LabelledTask::parameters() const { return module_parameters(model_.module()); }

NamedTensors LabelledTask::buffers() const { return module_buffers(model_.module()); }

bool LabelledTask::is_decayed(const std::string& name, const at::Tensor& parameter) const {
  return nn::is_decayed(name, parameter);
}

std::int64_t LabelledTask::steps_in_epoch(std::int64_t epoch) { return loader_.steps_per_epoch(epoch); }

StepPlan LabelledTask::load(const Position& position) {
  loaded_ = loader_.step(position.epoch, position.step);
  StepPlan plan{.micro_batches = static_cast<std::int64_t>(loaded_.size())};
  for (const data::LabelledBatch& batch : loaded_) {
    plan.predicted += batch.predicted;
    plan.tokens += batch.layout.num_valid();
  }
  plan.next = {position.epoch, position.step + 1};
  if (plan.next.step >= loader_.steps_per_epoch(position.epoch)) plan.next = {position.epoch + 1, 0};
  return plan;
}

PartialLoss LabelledTask::forward(std::int64_t micro_batch, const at::Tensor& pass) {
  const data::LabelledBatch batch = loaded_.at(static_cast<std::size_t>(micro_batch)).to(options_.device);
  nn::ForwardContext context;
  context.training = true;
  context.seed = options_.seed;
  if (model_.has_dropout()) {
    context.step = pass;
    context.samples = sample_keys(batch.examples, batch.layout.capacity(), options_.device);
  }
  const at::Tensor scores = model_.scores(batch, context);  // (S_cap, C), (P, C)
  if (spec_.kind == data::TaskKind::regression) return {squared_error(scores, batch.scores, spec_), {}};
  const auto loss = ops::masked_cross_entropy(scores, batch.labels, scores.size(1));
  return {loss.loss_sum, loss.correct};
}

std::optional<Evaluation> LabelledTask::validate() {
  if (!validation_) return std::nullopt;
  return evaluate(spec_, *validation_, predict(model_, spec_, *validation_, options_.batch, options_.device));
}

std::string LabelledTask::data_fingerprint() const {
  return "train " + loader_.set().fingerprint() + ", valid " +
         (validation_ ? validation_->fingerprint() : "none");
}

}  // namespace mabert::train
