#pragma once

#include <cstdint>

#include <ATen/core/Tensor.h>

#include "mabert/core/sequence_layout.h"

namespace mabert::ops {

/// Where a dropout mask's random numbers come from: nothing of it depends on how samples were batched.
struct DropoutKey {
  std::uint64_t seed = 0;    ///< of the run
  std::uint64_t module = 0;  ///< number of the dropout module in the model
  at::Tensor step;           ///< () int64 on the device: counts forward passes
  at::Tensor samples;        ///< (S_cap) int64: sample identity of each sequence
};

/// Inverted dropout: out = x / (1 - rate) where uniform(seed, module, step; sample, position, channel) ≥
/// rate, else 0. x (T, D); position = valid rows of the sequence before the row, so padded and ragged batches
/// drop the same elements. rate 0 returns x. Errors: UsageError for a rate outside [0, 1). Source: Srivastava
/// et al. 2014; counter-based: own.
at::Tensor dropout(const at::Tensor& x, const SequenceLayout& layout, double rate, const DropoutKey& key);

}  // namespace mabert::ops
