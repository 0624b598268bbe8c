#pragma once

#include "mabert/nn/attention_options.h"
#include "mabert/nn/linear.h"
#include "mabert/nn/sequence_mixer.h"

namespace mabert::nn {

/// Multi-head self-attention over the valid rows of each sequence, with packed projections qkv (3D, D) and
/// out_proj. Source: Vaswani et al. 2017, section 3.2.2.
class SelfAttentionMixer : public SequenceMixer {
 public:
  SelfAttentionMixer(const AttentionOptions& options, const MixerSettings& settings);
  bool can_be_causal() const override { return true; }

 protected:
  at::Tensor mix(const at::Tensor& rows, const SequenceLayout& layout,
                 const ForwardContext& context) override;

 private:
  AttentionOptions options_;
  MixerSettings settings_;
  Linear qkv_{nullptr}, out_proj_{nullptr};
};

}  // namespace mabert::nn
