#include "mabert/nn/dropout.h"

#include "mabert/core/error.h"
#include "mabert/ops/dropout.h"

namespace mabert::nn {

at::Tensor apply_dropout(const at::Tensor& x, const SequenceLayout& layout, double rate, std::uint64_t number,
                         const ForwardContext& context) {
  if (!context.training || rate == 0) return x;
  if (!context.step.defined() || !context.samples.defined()) {
    throw UsageError("[dropout] context: expected step and samples while training with dropout, got none");
  }
  ops::DropoutKey key;
  key.seed = context.seed;
  key.module = number;
  key.step = context.step;
  key.samples = context.samples;
  return ops::dropout(x, layout, rate, key);
}

}  // namespace mabert::nn
