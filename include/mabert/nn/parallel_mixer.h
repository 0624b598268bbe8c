#pragma once

#include <memory>
#include <vector>

#include "mabert/nn/mixer_options.h"
#include "mabert/nn/sequence_mixer.h"

namespace mabert::nn {

/// Several mixers over the same rows, their outputs added or averaged: a parallel hybrid.
/// Source: "Understanding and Enhancing Mamba-Transformer Hybrids" (arXiv 2510.26912), parallel hybrids.
class ParallelMixer : public SequenceMixer {
 public:
  ParallelMixer(const ParallelOptions& options, const MixerSettings& settings);
  bool can_be_causal() const override;

 protected:
  at::Tensor mix(const at::Tensor& rows, const SequenceLayout& layout,
                 const ForwardContext& context) override;
  // Children select for themselves, each as it needs.
  bool selects_input(const ForwardContext&) const override { return false; }

 private:
  Aggregator aggregator_;
  std::vector<std::shared_ptr<SequenceMixer>> branches_;
};

}  // namespace mabert::nn
