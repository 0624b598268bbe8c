#pragma once

#include <cstdint>
#include <vector>

#include <ATen/core/Tensor.h>

#include "mabert/data/batch.h"

namespace mabert::train {

/// The micro-batches of a step on the device. Where they are fixed, each step's content is copied into the
/// tensors of the first step: a captured step reads what was written last. Copies come from pinned memory
/// and wait for nothing. Source: own.
class DeviceBatches {
 public:
  struct Settings {
    c10::Device device{c10::kCPU};
    bool fixed = false;        ///< ragged batches of given capacities
    bool sample_keys = false;  ///< for dropout
  };
  explicit DeviceBatches(const Settings& settings) : settings_(settings) {}

  /// Errors: UsageError when fixed and another number or shape of batches than at first.
  void write(const std::vector<data::Batch>& batches);

  /// The layout of a fixed batch keeps what the host knows of the first step's sequences, and `compact`.
  const data::Batch& batch(std::int64_t micro_batch) const { return slot(micro_batch).batch; }
  /// (S_cap) int64; undefined without sample keys.
  const at::Tensor& sample_keys(std::int64_t micro_batch) const { return slot(micro_batch).sample_keys; }

 private:
  struct Slot {
    data::Batch batch;
    at::Tensor sample_keys;
  };
  const Slot& slot(std::int64_t micro_batch) const {
    return slots_.at(static_cast<std::size_t>(micro_batch));
  }
  Slot make(const data::Batch& batch) const;
  void overwrite(Slot& slot, const data::Batch& batch) const;

  Settings settings_;
  std::vector<Slot> slots_;
};

}  // namespace mabert::train
