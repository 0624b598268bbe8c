#pragma once

#include <cstdint>
#include <optional>

#include <ATen/core/Tensor.h>

#include "mabert/core/sequence_layout.h"

namespace mabert::nn {

/// How one pass through a model is made; holds nothing of the batch but the keys of its random numbers.
struct ForwardContext {
  /// Parts of the model switched off, to measure what they are for. Only for evaluation: layouts are rebuilt
  /// on the host.
  struct Ablation {
    bool reset_scan_state = false;  ///< every row is scanned as a sequence of its own
    bool zero_attention = false;    ///< attention contributes its output bias only
    bool mask_conv_input = true;    ///< the mixer's input included: the same placement
    bool mask_conv_output = true;
    bool mask_delta = true;
    bool mask_output = true;

    bool masks_everywhere() const { return mask_conv_input && mask_conv_output && mask_delta && mask_output; }
  };

  bool training = false;
  std::uint64_t seed = 0;  ///< of the run
  at::Tensor step;         ///< () int64 on the device: counts forward passes; needed where dropout is active
  at::Tensor samples;  ///< (S_cap) int64 on the device: sample identity of each sequence; needed as `step`
  Ablation ablation;
  /// Written over invalid rows before every selection (embedding, input and output of each mixer): NaN here
  /// proves that nothing of a padded row is used.
  std::optional<double> pad_fill;
};

/// x (T, ...) with `context.pad_fill`, if any, in its invalid rows.
at::Tensor fill_invalid(const at::Tensor& x, const SequenceLayout& layout, const ForwardContext& context);

}  // namespace mabert::nn
