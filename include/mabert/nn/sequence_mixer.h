#pragma once

#include "mabert/core/sequence_layout.h"
#include "mabert/nn/forward_context.h"
#include "mabert/nn/mixer_settings.h"
#include "mabert/nn/module_base.h"

namespace mabert::nn {

/// The part of a layer that mixes positions. Rows of one sequence never see another's; invalid rows influence
/// neither valid ones nor the gradient of any parameter, and output and gradient at them are exactly 0.
class SequenceMixer : public ModuleBase {
 public:
  /// rows (T, D) to (T, D) in the compute dtype; whatever stands in invalid rows is replaced by 0 at once.
  at::Tensor forward(const at::Tensor& rows, const SequenceLayout& layout, const ForwardContext& context);

  /// Whether, as configured, no row sees one to its right, or it could be configured so without other
  /// parameters.
  virtual bool can_be_causal() const = 0;

 protected:
  /// rows: 0 at invalid rows; what is returned there is free.
  virtual at::Tensor mix(const at::Tensor& rows, const SequenceLayout& layout,
                         const ForwardContext& context) = 0;

  virtual bool selects_input(const ForwardContext& /*context*/) const { return true; }
  virtual bool selects_output(const ForwardContext& /*context*/) const { return true; }
};

}  // namespace mabert::nn
