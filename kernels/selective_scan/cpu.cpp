#include "kernels/selective_scan/cpu.h"

#include "kernels/common/layout_tensors.h"
#include "kernels/common/segments.h"
#include "kernels/common/sum_parts.h"
#include "kernels/selective_scan/arguments.h"

#include <memory>
#include <new>

#include <ATen/Parallel.h>
#include <torch/library.h>

namespace mabert::kernels {
namespace {

constexpr std::int64_t kSegmentRows = 1024;

class AlignedFloats {
 public:
  explicit AlignedFloats(std::int64_t count)
      : data_(static_cast<float*>(
            ::operator new(static_cast<std::size_t>(count) * sizeof(float), kAlignment))) {}
  float* get() const { return data_.get(); }

 private:
  static constexpr std::align_val_t kAlignment{64};
  struct Free {
    void operator()(float* p) const { ::operator delete(p, kAlignment); }
  };
  std::unique_ptr<float, Free> data_;
};

// Calls body(item, workspace) for every segment of sequences times every block of channels.
template <class Body>
void for_each_item(const ScanParams& params, const std::vector<std::int64_t>& segments, const Body& body) {
  const std::int64_t parts = static_cast<std::int64_t>(segments.size()) - 1;
  const std::int64_t width = params.channels / params.groups, blocks = scan_blocks(params);
  at::parallel_for(0, params.groups * blocks * parts, 1, [&](std::int64_t first, std::int64_t last) {
    const AlignedFloats workspace(scan_workspace(params));
    for (std::int64_t i = first; i < last; ++i) {
      const std::int64_t part = i % parts, block = i / parts % blocks, group = i / parts / blocks;
      body(ScanItem{.first_sequence = segments[static_cast<std::size_t>(part)],
                    .last_sequence = segments[static_cast<std::size_t>(part) + 1],
                    .part = part,
                    .group = group,
                    .block = block,
                    .first_channel = group * width + block * kScanBlock,
                    .channels = std::min(kScanBlock, width - block * kScanBlock)},
           workspace.get());
    }
  });
}

bool every_row_valid(const LayoutView& layout) {
  std::int64_t covered = 0;
  for (std::int64_t s = 0; s < layout.sequences; ++s) covered += layout.end[s] - layout.begin[s];
  return layout.valid == nullptr && covered == layout.rows;
}

std::tuple<at::Tensor, at::Tensor, at::Tensor> forward(
    const at::Tensor& u, const at::Tensor& delta, const at::Tensor& a, const at::Tensor& b,
    const at::Tensor& c, const std::optional<at::Tensor>& d, const std::optional<at::Tensor>& z,
    const std::optional<at::Tensor>& delta_bias, const std::optional<at::Tensor>& initial_state,
    at::TensorList layout, std::int64_t /*max_length*/, std::int64_t reverse, std::int64_t save_every,
    bool /*wide_states*/, bool /*last_state*/) {
  const ScanTensors inputs = ScanTensors{u, delta, a, b, c, d, z, delta_bias, initial_state}.arranged();
  ScanParams params = inputs.params(layout, reverse);
  const bool is_float = u.scalar_type() == at::kFloat;
  const ScanResults results(inputs, params, save_every > 0 && is_float, !every_row_valid(params.layout));
  if (!is_float) {
    scan_forward_double(params);
    return results.released();
  }
  for_each_item(params, sequence_segments(params.layout, kSegmentRows),
                [&](const ScanItem& item, float* workspace) { scan_forward_float(params, item, workspace); });
  return results.released();
}

std::vector<at::Tensor> backward(const at::Tensor& grad_out, const at::Tensor& u, const at::Tensor& delta,
                                 const at::Tensor& a, const at::Tensor& b, const at::Tensor& c,
                                 const std::optional<at::Tensor>& d, const std::optional<at::Tensor>& z,
                                 const std::optional<at::Tensor>& delta_bias,
                                 const std::optional<at::Tensor>& initial_state, const at::Tensor& states,
                                 at::TensorList layout, std::int64_t /*max_length*/, std::int64_t reverse,
                                 std::int64_t /*save_every*/) {
  const ScanTensors inputs = ScanTensors{u, delta, a, b, c, d, z, delta_bias, initial_state}.arranged();
  const at::Tensor grad = with_dense_rows(grad_out);
  ScanParams params = inputs.params(layout, reverse);
  if (u.scalar_type() == at::kDouble) {
    const ScanGradientTensors g(inputs, params, 1, 1, /*cleared=*/true);
    scan_backward_double(params, g.pointers(grad));
    return finish_scan_gradients(inputs, g, g.db[0], g.dc[0], g.da[0], g.dd[0], g.ddelta_bias[0]);
  }
  params.states = states.mutable_data_ptr();
  const std::vector<std::int64_t> segments = sequence_segments(params.layout, kSegmentRows);
  const ScanGradientTensors g(inputs, params, scan_blocks(params),
                              static_cast<std::int64_t>(segments.size()) - 1,
                              !every_row_valid(params.layout));
  const ScanGradients pointers = g.pointers(grad);
  for_each_item(params, segments, [&](const ScanItem& item, float* workspace) {
    scan_backward_float(params, pointers, item, workspace);
  });
  return finish_scan_gradients(inputs, g, sum_parts(g.db), sum_parts(g.dc), sum_parts(g.da), sum_parts(g.dd),
                               sum_parts(g.ddelta_bias));
}

}  // namespace

TORCH_LIBRARY_IMPL(mabert, CPU, m) {
  m.impl("selective_scan", &forward);
  m.impl("selective_scan_backward", &backward);
}

}  // namespace mabert::kernels
