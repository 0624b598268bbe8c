#pragma once

#include <cstdint>

#include "mabert/nn/model_options.h"

namespace torch::nn {
class Module;
}

namespace mabert::nn {

/// Gives every parameter of `model` its first value: a function of the parameter's name, its shape and the
/// seed, whatever the device, the number of threads and the rest of the model. Errors: UsageError for a
/// module that is not ours.
void initialize_parameters(torch::nn::Module& model, const ModelOptions& options, std::uint64_t seed);

}  // namespace mabert::nn
