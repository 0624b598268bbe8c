#include "kernels/common/cuda_tensors.h"
#include "kernels/common/layout_tensors.h"
#include "kernels/selective_scan/arguments.h"
#include "kernels/selective_scan/general.h"
#include "kernels/selective_scan/warp_operator.h"

#include <torch/library.h>

namespace mabert::kernels {
namespace {

std::tuple<at::Tensor, at::Tensor, at::Tensor> forward(
    const at::Tensor& u, const at::Tensor& delta, const at::Tensor& a, const at::Tensor& b,
    const at::Tensor& c, const std::optional<at::Tensor>& d, const std::optional<at::Tensor>& z,
    const std::optional<at::Tensor>& delta_bias, const std::optional<at::Tensor>& initial_state,
    at::TensorList layout, std::int64_t max_length, std::int64_t reverse, std::int64_t save_every,
    bool wide_states, bool last_state) {
  const c10::cuda::CUDAGuard guard(u.device());
  const ScanTensors given{u, delta, a, b, c, d, z, delta_bias, initial_state};
  const ScanShape shape = scan_shape(given, layout, max_length, multiprocessor_count());
  if (fits_warp_kernels(shape)) {
    return forward_by_warps(given, layout, shape, reverse, save_every, wide_states, last_state);
  }
  const ScanTensors inputs = given.arranged();
  ScanParams params = inputs.params(layout, reverse);
  const ScanResults results(inputs, params, save_every > 0, /*cleared=*/false);
  C10_CUDA_CHECK(scan_forward_cuda(params, dtype_of(u), current_stream()));
  return results.released();
}

std::vector<at::Tensor> backward(const at::Tensor& grad_out, const at::Tensor& u, const at::Tensor& delta,
                                 const at::Tensor& a, const at::Tensor& b, const at::Tensor& c,
                                 const std::optional<at::Tensor>& d, const std::optional<at::Tensor>& z,
                                 const std::optional<at::Tensor>& delta_bias,
                                 const std::optional<at::Tensor>& initial_state, const at::Tensor& states,
                                 at::TensorList layout, std::int64_t max_length, std::int64_t reverse,
                                 std::int64_t save_every) {
  const c10::cuda::CUDAGuard guard(u.device());
  const ScanTensors given{u, delta, a, b, c, d, z, delta_bias, initial_state};
  const ScanShape shape = scan_shape(given, layout, max_length, multiprocessor_count());
  if (fits_warp_kernels(shape)) {
    return backward_by_warps(grad_out, given, states, layout, shape, reverse, save_every);
  }
  const ScanTensors inputs = given.arranged();
  const at::Tensor grad = with_dense_rows(grad_out);
  ScanParams params = inputs.params(layout, reverse);
  params.states = states.mutable_data_ptr();
  const ScanGrid grid = scan_grid(params);
  const ScanGradientTensors g(inputs, params, grid.blocks, grid.parts, /*cleared=*/false);
  C10_CUDA_CHECK(scan_backward_cuda(params, g.pointers(grad), dtype_of(u), current_stream()));
  return finish_scan_gradients(inputs, g, sum_parts_on_device(g.db), sum_parts_on_device(g.dc),
                               sum_parts_on_device(g.da), sum_parts_on_device(g.dd),
                               sum_parts_on_device(g.ddelta_bias));
}

}  // namespace

TORCH_LIBRARY_IMPL(mabert, CUDA, m) {
  m.impl("selective_scan", &forward);
  m.impl("selective_scan_backward", &backward);
}

}  // namespace mabert::kernels
