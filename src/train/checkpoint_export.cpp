#include "mabert/train/checkpoint_export.h"

#include <system_error>

#include <ATen/ops/isfinite.h>

#include "mabert/core/error.h"

namespace mabert::train {
namespace {

CheckpointContent without_optimizer(const Checkpoint& checkpoint) {
  return {.model = read_tensors(checkpoint.model()),
          .optimizer = {},
          .state_json = checkpoint.state_json(),
          .config_yaml = checkpoint.config_yaml(),
          .tokenizer = checkpoint.tokenizer()};
}

bool all_finite(const at::Tensor& x) { return at::isfinite(x).all().item<bool>(); }

}  // namespace

void export_checkpoint(const Checkpoint& from, const std::filesystem::path& directory, at::ScalarType dtype) {
  if (dtype != at::kFloat && dtype != at::kBFloat16 && dtype != at::kHalf) {
    throw UsageError(std::string("[export] dtype: expected float32, bfloat16 or float16, got ") +
                     c10::toString(dtype));
  }
  std::error_code ignored;
  if (std::filesystem::exists(std::filesystem::symlink_status(directory, ignored))) {
    throw UsageError(directory.string() + ": already exists; name a directory that does not");
  }
  CheckpointContent content = without_optimizer(from);
  for (NamedTensor& item : content.model) {
    if (!item.tensor.is_floating_point()) continue;
    const at::Tensor converted = item.tensor.to(dtype);
    if (!all_finite(converted) && all_finite(item.tensor)) {
      throw UsageError(from.directory().string() + ": tensor '" + item.name +
                       "' holds numbers too large for " + c10::toString(dtype) + "; export to another dtype");
    }
    item.tensor = converted;
  }
  save_checkpoint(directory, content);
}

void remove_optimizer_state(const std::filesystem::path& directory) {
  const Checkpoint checkpoint(directory);
  if (checkpoint.optimizer().empty()) return;
  save_checkpoint(directory, without_optimizer(checkpoint));
}

}  // namespace mabert::train
