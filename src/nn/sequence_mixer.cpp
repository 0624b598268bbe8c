#include "mabert/nn/sequence_mixer.h"

namespace mabert::nn {

at::Tensor SequenceMixer::forward(const at::Tensor& rows, const SequenceLayout& layout,
                                  const ForwardContext& context) {
  at::Tensor x = fill_invalid(to_compute(rows), layout, context);
  if (selects_input(context)) x = layout.select_valid(x);
  const at::Tensor out = fill_invalid(mix(x, layout, context), layout, context);
  return selects_output(context) ? layout.select_valid(out) : out;
}

}  // namespace mabert::nn
