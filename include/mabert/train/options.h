#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>

#include <c10/core/Device.h>
#include <c10/core/ScalarType.h>

#include "mabert/config/fields.h"

namespace mabert::train {

/// What the model computes in; parameters and optimizer are always float32.
enum class Precision {
  automatic,  ///< bfloat16 on CUDA, float32 on the CPU
  float32,
  bfloat16,
};

enum class Resume {
  automatic,  ///< from the newest good checkpoint, else from the start
  never,      ///< from the start; the run directory must hold no checkpoint
  must,       ///< from the newest good checkpoint
};

/// Whether training steps run as one CUDA graph.
enum class StepGraphMode {
  automatic,  ///< where the device and the task allow it
  off,
  on,  ///< an error where they do not
};

}  // namespace mabert::train

namespace mabert::config {
template <>
struct EnumNames<train::Precision> {
  static constexpr std::array names{EnumName{"auto", train::Precision::automatic},
                                    EnumName{"float32", train::Precision::float32},
                                    EnumName{"bfloat16", train::Precision::bfloat16}};
};
template <>
struct EnumNames<train::Resume> {
  static constexpr std::array names{EnumName{"auto", train::Resume::automatic},
                                    EnumName{"never", train::Resume::never},
                                    EnumName{"must", train::Resume::must}};
};
template <>
struct EnumNames<train::StepGraphMode> {
  static constexpr std::array names{EnumName{"auto", train::StepGraphMode::automatic},
                                    EnumName{"off", train::StepGraphMode::off},
                                    EnumName{"on", train::StepGraphMode::on}};
};
}  // namespace mabert::config

namespace mabert::train {

struct TrainOptions {
  std::optional<std::int64_t> steps;
  std::optional<std::int64_t> epochs;
  std::optional<double> max_minutes;
  std::optional<double> clip_norm = 1.0;
  std::int64_t max_skipped = 10;
  std::uint64_t seed = 1;
  std::string device = "auto";
  Precision precision = Precision::automatic;
  bool deterministic = true;
  StepGraphMode graph = StepGraphMode::automatic;
  std::int64_t threads = 0;
  std::int64_t log_every = 50;
  std::int64_t validate_every = 1000;
  std::int64_t validation_batches = 0;
  std::int64_t checkpoint_every = 1000;
  std::int64_t keep_last = 2;
  bool keep_best = true;
  bool keep_optimizer = true;
  std::optional<std::int64_t> patience;
  Resume resume = Resume::automatic;

  template <class Self, class Visitor>
  static void visit_fields(Self& self, Visitor& visit) {
    visit("steps", self.steps, config::at_least(1),
          "Optimizer steps of the whole run; either this or epochs.");
    visit("epochs", self.epochs, config::at_least(1), "Passes over the training data; either this or steps.");
    visit("max_minutes", self.max_minutes, config::above(0),
          "Wall-clock limit of the whole run, restarts included: it then validates, saves and ends.");
    visit("clip_norm", self.clip_norm, config::above(0),
          "Largest global norm of the gradient; null: no clipping.");
    visit("max_skipped", self.max_skipped, config::at_least(1),
          "So many non-finite steps in a row end the run (exit code 6).");
    visit("seed", self.seed, "Of initialisation, data order, masks and dropout.");
    visit("device", self.device, "auto, cpu, cuda or cuda:N.");
    visit("precision", self.precision, "Arithmetic of the model: auto, float32 or bfloat16.");
    visit("deterministic", self.deterministic,
          "Same configuration, seed, device and build give the same bits.");
    visit("graph", self.graph,
          "Steps as one CUDA graph, with the same results: auto, off or on (an error where impossible).");
    visit("threads", self.threads, config::between(0, 4096),
          "CPU threads of the operators; 0: one per core.");
    visit("log_every", self.log_every, config::at_least(1), "Steps between lines of training metrics.");
    visit("validate_every", self.validate_every, config::at_least(0),
          "Steps between validations; 0: only at the end.");
    visit("validation_batches", self.validation_batches, config::at_least(0),
          "Batches per validation; 0: all.");
    visit("checkpoint_every", self.checkpoint_every, config::at_least(0),
          "Steps between checkpoints; 0: only at the end.");
    visit("keep_last", self.keep_last, config::at_least(1), "Newest checkpoints kept.");
    visit("keep_best", self.keep_best, "Save and keep the checkpoint of the best validation as well.");
    visit("keep_optimizer", self.keep_optimizer,
          "Keep the optimizer's state in the checkpoints of a finished run; false: weights only, half to a "
          "third "
          "of the size.");
    visit("patience", self.patience, config::at_least(1),
          "So many validations in a row without a better one end the run; null: none do.");
    visit("resume", self.resume, "auto, never or must.");
  }

  std::optional<config::Problem> validate() const;
};

/// Sets the process up for the options and returns the device: operator threads, determinism. Call it before
/// anything else touches the device. Errors: UsageError, DeviceError.
c10::Device prepare_device(const TrainOptions& options);

/// The dtype that the model computes in on that device.
at::ScalarType compute_dtype(Precision precision, c10::Device device);

}  // namespace mabert::train
