#pragma once

#include <optional>

#include "mabert/nn/encoder.h"
#include "mabert/nn/pooling.h"

namespace mabert::nn {

/// Encoder, pooling, dropout and one projection: class scores, or one number for regression.
class SequenceClassifierImpl : public ModuleBase {
 public:
  SequenceClassifierImpl(const ModelOptions& options, const HeadOptions& head);

  /// Arguments as Encoder::forward; out (S_cap, num_labels) fp32 (fp64). Rows of slack sequences mean
  /// nothing.
  at::Tensor forward(const at::Tensor& token_ids, const at::Tensor& segment_ids, const SequenceLayout& layout,
                     const ForwardContext& context);
  const ModelOptions& options() const { return encoder->options(); }
  const HeadOptions& head_options() const { return head_options_; }

  Encoder encoder{nullptr};
  Pooling pooling{nullptr};
  Weights classifier{nullptr};

 private:
  const SequenceLayout& pooled_layout(std::int64_t rows, c10::Device device);

  HeadOptions head_options_;
  std::optional<SequenceLayout> pooled_layout_;  // of the last capacity, which rarely changes
};
TORCH_MODULE(SequenceClassifier);

}  // namespace mabert::nn
