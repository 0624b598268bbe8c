#include "mabert/train/module_state.h"

#include <utility>

#include <torch/nn/module.h>

namespace mabert::train {

NamedTensors module_parameters(const torch::nn::Module& module) {
  NamedTensors tensors;
  for (const auto& item : module.named_parameters()) tensors.push_back({item.key(), item.value()});
  return tensors;
}

NamedTensors module_buffers(const torch::nn::Module& module) {
  NamedTensors tensors;
  for (const auto& item : module.named_buffers()) tensors.push_back({item.key(), item.value()});
  return tensors;
}

void load_weights(const Checkpoint& checkpoint, torch::nn::Module& module) {
  NamedTensors tensors = module_parameters(module);
  for (NamedTensor& buffer : module_buffers(module)) tensors.push_back(std::move(buffer));
  copy_into(checkpoint.model(), tensors);
}

}  // namespace mabert::train
