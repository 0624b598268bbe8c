#include "mabert/nn/feed_forward.h"

#include <ATen/ops/gelu.h>
#include <ATen/ops/relu.h>
#include <ATen/ops/silu.h>

namespace mabert::nn {
namespace {

bool is_gated(Activation activation) {
  return activation == Activation::swiglu || activation == Activation::geglu;
}

at::Tensor activate(Activation activation, const at::Tensor& x) {
  switch (activation) {
    case Activation::relu:
      return at::relu(x);
    case Activation::silu:
    case Activation::swiglu:
      return at::silu(x);
    case Activation::gelu:
    case Activation::geglu:
      break;
  }
  return at::gelu(x);
}

}  // namespace

FeedForwardImpl::FeedForwardImpl(std::int64_t width, const FeedForwardOptions& options) : options_(options) {
  const std::int64_t inner = options.size * (is_gated(options.activation) ? 2 : 1);
  in_proj_ = register_module("in_proj", Linear(width, inner));
  WeightsSettings last;
  last.weight_initializer = NormalInitializer{.ends_residual_branch = true};
  out_proj_ = register_module("out_proj", Linear(options.size, width, last));
}

at::Tensor FeedForwardImpl::forward(const at::Tensor& x) {
  const at::Tensor inner = in_proj_(x);  // (T, size) or (T, 2 size)
  if (!is_gated(options_.activation)) return out_proj_(activate(options_.activation, inner));
  const auto parts = inner.chunk(2, 1);
  return out_proj_(parts[0] * activate(options_.activation, parts[1]));  // (T, D)
}

}  // namespace mabert::nn
