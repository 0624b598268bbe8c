#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <ATen/core/Tensor.h>

#include "mabert/train/safetensors.h"

namespace mabert::train {

/// Where training stands in its data: optimizer step `step` of epoch `epoch`, both from 0.
struct Position {
  std::int64_t epoch = 0;
  std::int64_t step = 0;
  bool operator==(const Position&) const = default;
};

/// What the host knows of an optimizer step before it is computed.
struct StepPlan {
  std::int64_t micro_batches = 1;
  std::int64_t predicted = 0;  ///< terms in the loss over all micro-batches: the denominator
  std::int64_t tokens = 0;     ///< valid tokens over all micro-batches
  Position next;               ///< where the following step stands
};

/// The loss of one micro-batch, on the device.
struct PartialLoss {
  at::Tensor sum;      ///< () differentiable: sum over the predicted terms
  at::Tensor correct;  ///< () int64: terms predicted right; undefined where that means nothing
};

/// A measured number and what it is called in logs and files.
struct NamedValue {
  std::string name;
  double value = 0.0;
  bool operator==(const NamedValue&) const = default;
};

/// Metrics over held-out data.
struct Evaluation {
  double loss = 0.0;               ///< mean over what was predicted
  std::vector<NamedValue> values;  ///< "perplexity", "masked_accuracy", "matthews", "score", ... in order
  std::string selects = "loss";    ///< what tells a better checkpoint: "loss" or the name of a value
  bool higher_is_better = false;   ///< of what selects
  std::int64_t predicted = 0;
  std::int64_t tokens = 0;  ///< valid tokens read

  /// The value of that name, "loss" included.
  std::optional<double> find(std::string_view name) const;
  /// Errors: UsageError when there is none of the name in `selects`.
  double selecting_value() const;
};

/// What is learned and from what. The trainer drives it and knows nothing of models and data.
class Task {
 public:
  virtual ~Task() = default;

  /// What the optimizer updates and a checkpoint holds; always the same tensors in the same order.
  virtual NamedTensors parameters() const = 0;
  /// What a checkpoint holds besides.
  virtual NamedTensors buffers() const { return {}; }
  virtual bool is_decayed(const std::string& name, const at::Tensor& parameter) const = 0;

  /// Optimizer steps in an epoch, ≥ 1.
  virtual std::int64_t steps_in_epoch(std::int64_t epoch) = 0;
  /// Makes the micro-batches of the step at `position` ready, on the device where a step can be captured. A
  /// pure function of the position.
  virtual StepPlan load(const Position& position) = 0;
  /// Forward pass of one micro-batch of the loaded step. pass: () int64 on the device, the number of the
  /// forward pass in the run, for dropout. Nothing in it may wait for the device.
  virtual PartialLoss forward(std::int64_t micro_batch, const at::Tensor& pass) = 0;
  /// Why a step cannot be captured as a CUDA graph, as "key: expected ..., got ..."; absent if it can: then
  /// every step has the same number of micro-batches, `load` writes them to the same tensors, and `forward`
  /// does the same work on them.
  virtual std::optional<std::string> capture_obstacle() const {
    return "task: expected one whose batches always have the same shapes, got another";
  }

  /// Metrics over the held-out data; absent where there is none.
  virtual std::optional<Evaluation> validate() = 0;
  /// Whether there is held-out data.
  virtual bool has_validation() const { return true; }

  /// What `correct` over `predicted` is called in the lines of training metrics.
  virtual std::string accuracy_name() const = 0;

  /// What tells this data from other data; a run is not resumed on data with another one.
  virtual std::string data_fingerprint() const { return {}; }
};

}  // namespace mabert::train
