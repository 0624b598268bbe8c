#include "mabert/train/device_batches.h"

#include "sample_keys.h"

#include <string>

#include "mabert/core/error.h"

namespace mabert::train {
namespace {

// All of a ragged layout's buffer but the compact rows at its end, whose number depends on the content and
// which only padded batches use.
at::Tensor fixed_part(const SequenceLayout& layout) {
  const at::Tensor& first = layout.offsets();
  const std::int64_t words = layout.compact().storage_offset() - first.storage_offset();
  return first.as_strided({words}, {1});
}

void copy(const at::Tensor& to, const at::Tensor& from) {
  if (to.sizes() != from.sizes()) {
    throw UsageError("[train] batch: expected the shape of the first step's, got another");
  }
  const bool pins = to.is_cuda() && !from.is_pinned();
  to.copy_(pins ? from.pin_memory() : from, /*non_blocking=*/true);
}

}  // namespace

void DeviceBatches::write(const std::vector<data::Batch>& batches) {
  if (!settings_.fixed || slots_.empty()) {
    slots_.clear();
    for (const data::Batch& batch : batches) slots_.push_back(make(batch));
    return;
  }
  if (batches.size() != slots_.size()) {
    throw UsageError("[train] batches: expected " + std::to_string(slots_.size()) +
                     " in every step, as in the first, got " + std::to_string(batches.size()));
  }
  for (std::size_t i = 0; i < batches.size(); ++i) overwrite(slots_[i], batches[i]);
}

DeviceBatches::Slot DeviceBatches::make(const data::Batch& batch) const {
  Slot slot{.batch = batch.to(settings_.device), .sample_keys = {}};
  if (settings_.sample_keys) {
    slot.sample_keys = train::sample_keys(batch.samples, batch.layout.capacity(), settings_.device);
  }
  return slot;
}

void DeviceBatches::overwrite(Slot& slot, const data::Batch& batch) const {
  copy(fixed_part(slot.batch.layout), fixed_part(batch.layout));
  copy(slot.batch.token_ids, batch.token_ids);
  copy(slot.batch.segment_ids, batch.segment_ids);
  copy(slot.batch.predicted_rows, batch.predicted_rows);
  copy(slot.batch.labels, batch.labels);
  if (!settings_.sample_keys) return;
  copy(slot.sample_keys, host_sample_keys(batch.samples, batch.layout.capacity(), settings_.device));
}

}  // namespace mabert::train
