#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include <c10/core/Device.h>

#include "mabert/data/labelled_batches.h"
#include "mabert/data/task_spec.h"
#include "mabert/nn/sequence_classifier.h"
#include "mabert/nn/token_classifier.h"
#include "mabert/train/checkpoint.h"

namespace mabert::train {

/// A model for a labelled task: SequenceClassifier (classification, regression) or TokenClassifier (tokens).
/// Copies share the model.
class LabelledModel {
 public:
  /// Errors: UsageError (options; a task without labels, or whose minimum is not below its maximum).
  LabelledModel(const data::TaskSpec& task, const nn::ModelOptions& options, double head_dropout);

  torch::nn::Module& module() const;
  const nn::ModelOptions& options() const;
  data::TaskKind kind() const { return kind_; }
  /// Whether training needs the keys of random numbers in its context.
  bool has_dropout() const;

  /// Class scores, or the number of a regression on the scale [0, 1] of minimum to maximum: (S_cap, C) or
  /// (P, C) fp32, C = 1 for regression.
  at::Tensor scores(const data::LabelledBatch& batch, const nn::ForwardContext& context);

 private:
  data::TaskKind kind_;
  nn::SequenceClassifier sequence_{nullptr};
  nn::TokenClassifier token_{nullptr};
};

/// Copies what a checkpoint of any kind of model shares with this one: the encoder always; pooling if names
/// and shapes agree, and so for the classifier if `with_classifier` (the same classes in the same order).
/// Weights in bfloat16 or float16 are widened. Returns the names of what kept its first values. Errors:
/// CheckpointError when the encoder's names or shapes differ; the model is unchanged then.
std::vector<std::string> start_from(const Checkpoint& checkpoint, torch::nn::Module& module,
                                    bool with_classifier = true);

}  // namespace mabert::train
