#pragma once

#include <cstdint>

#include "mabert/nn/feed_forward_options.h"
#include "mabert/nn/linear.h"

namespace mabert::nn {

/// out = W₂ f(W₁ x + b₁) + b₂; gated: out = W₂ (v ⊙ f(g)) + b₂ with (v, g) = W₁ x + b₁. x (T, D) to (T, D).
/// GELU is the exact one. Source: Vaswani et al. 2017, equation 2; Shazeer 2020, equation 6 (GEGLU, SwiGLU).
class FeedForwardImpl : public ModuleBase {
 public:
  FeedForwardImpl(std::int64_t width, const FeedForwardOptions& options);
  at::Tensor forward(const at::Tensor& x);

 private:
  FeedForwardOptions options_;
  Linear in_proj_{nullptr}, out_proj_{nullptr};
};
TORCH_MODULE(FeedForward);

}  // namespace mabert::nn
