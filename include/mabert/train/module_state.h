#pragma once

#include "mabert/train/checkpoint.h"
#include "mabert/train/safetensors.h"

namespace torch::nn {
class Module;
}

namespace mabert::train {

/// Parameters (then buffers) of a module and all below it, by their dotted names: what model.safetensors
/// holds.
NamedTensors module_parameters(const torch::nn::Module& module);
NamedTensors module_buffers(const torch::nn::Module& module);

/// Copies a checkpoint's weights (float32, or bfloat16 or float16 widened) into a model built from its
/// configuration, on any device. Errors: CheckpointError when names, shapes or dtypes differ; the model is
/// unchanged then.
void load_weights(const Checkpoint& checkpoint, torch::nn::Module& module);

}  // namespace mabert::train
