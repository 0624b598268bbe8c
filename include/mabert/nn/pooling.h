#pragma once

#include "mabert/core/sequence_layout.h"
#include "mabert/nn/linear.h"
#include "mabert/nn/model_options.h"

namespace mabert::nn {

/// One vector per sequence out of its valid rows; an empty sequence gives 0.
///   attention: Σ softmax(w·x)_t x_t; cls: the first valid row; mean; max, channel by channel.
/// x (T, D) to (S_cap, D) in x's dtype; scores fp32 (fp64). Source: MaBERT (arXiv 2603.03001), mask-aware
/// attention pooling.
class PoolingImpl : public ModuleBase {
 public:
  PoolingImpl(PoolingType type, std::int64_t width);
  at::Tensor forward(const at::Tensor& x, const SequenceLayout& layout);

 private:
  PoolingType type_;
  Weights score_{nullptr};
};
TORCH_MODULE(Pooling);

}  // namespace mabert::nn
