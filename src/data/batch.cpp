#include "mabert/data/batch.h"

#include "batch_parts.h"

namespace mabert::data {

Batch Batch::to(c10::Device device) const {
  const auto parts = move_together({token_ids, segment_ids, predicted_rows, labels}, device);
  Batch moved = *this;
  moved.layout = layout.to(device);
  moved.token_ids = parts[0];
  moved.segment_ids = parts[1];
  moved.predicted_rows = parts[2];
  moved.labels = parts[3];
  return moved;
}

}  // namespace mabert::data
