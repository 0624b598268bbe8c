#include "mabert/data/batch.h"

#include <ATen/ops/cat.h>

namespace mabert::data {

Batch Batch::to(c10::Device device) const {
  // One copy for all four; from pinned memory it does not wait for the device.
  at::Tensor packed = at::cat({token_ids, segment_ids, predicted_rows, labels});
  if (device.is_cuda() && packed.device().is_cpu()) packed = packed.pin_memory();
  packed = packed.to(device, /*non_blocking=*/true);
  std::int64_t at = 0;
  const auto take = [&](const at::Tensor& like) {
    at += like.size(0);
    return packed.narrow(0, at - like.size(0), like.size(0));
  };
  Batch moved = *this;
  moved.layout = layout.to(device);
  moved.token_ids = take(token_ids);
  moved.segment_ids = take(segment_ids);
  moved.predicted_rows = take(predicted_rows);
  moved.labels = take(labels);
  return moved;
}

}  // namespace mabert::data
