#include "kernels/common/layout_tensors.h"
#include "kernels/dropout/params.h"

#include <algorithm>

#include <ATen/Parallel.h>
#include <ATen/ops/empty.h>
#include <torch/library.h>

namespace mabert::kernels {
namespace {

template <class T>
void run(const DropoutParams& p) {
  const std::uint64_t key = dropout_step_key(p);
  const T scale = static_cast<T>(1.0 / (1.0 - static_cast<double>(p.rate)));
  at::parallel_for(0, p.layout.rows, 16, [&](std::int64_t first, std::int64_t last) {
    for (std::int64_t row = first; row < last; ++row) {
      const T* const x = static_cast<const T*>(p.x) + row * p.x_stride;
      T* const out = static_cast<T*>(p.out) + row * p.channels;
      if (!is_valid(p.layout, row)) {
        std::fill_n(out, p.channels, T{0});
        continue;
      }
      for (std::int64_t e = 0; e < p.channels; e += kDropoutLanes) {
        const Philox draw = dropout_draw(p, key, row, e);
        for (std::int64_t k = 0; k < std::min(kDropoutLanes, p.channels - e); ++k) {
          out[e + k] = uniform_float(draw.words[k]) >= p.rate ? x[e + k] * scale : T{0};
        }
      }
    }
  });
}

at::Tensor dropout(const at::Tensor& x, at::TensorList layout, double rate, std::int64_t key,
                   const at::Tensor& step, const at::Tensor& samples) {
  const at::Tensor dense = with_dense_rows(x), counters = samples.contiguous();
  const at::Tensor out = at::empty(x.sizes(), x.options().memory_format(at::MemoryFormat::Contiguous));
  const DropoutParams params{.layout = view_layout(layout),
                             .channels = x.size(1),
                             .rate = static_cast<float>(rate),
                             .key = static_cast<std::uint64_t>(key),
                             .step = step.const_data_ptr<std::int64_t>(),
                             .samples = counters.const_data_ptr<std::int64_t>(),
                             .x = dense.const_data_ptr(),
                             .x_stride = dense.stride(0),
                             .out = out.mutable_data_ptr()};
  x.scalar_type() == at::kDouble ? run<double>(params) : run<float>(params);
  return out;
}

}  // namespace

TORCH_LIBRARY_IMPL(mabert, CPU, m) { m.impl("dropout", &dropout); }

}  // namespace mabert::kernels
