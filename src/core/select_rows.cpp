#include "mabert/core/select_rows.h"

#include <cstdint>
#include <vector>

#include <ATen/core/LegacyTypeDispatch.h>
#include <ATen/ops/where.h>
#include <torch/csrc/autograd/custom_function.h>

namespace mabert {
namespace {

// A masked copy by elements takes a GPU 1.7 times as long in bfloat16.
constexpr at::ScalarType kWord = at::kLong;
constexpr std::int64_t kWordBytes = 8;

at::Tensor select(const at::Tensor& x, const at::Tensor& keep) {
  std::vector<std::int64_t> shape(static_cast<std::size_t>(x.dim()), 1);
  shape[0] = x.size(0);
  const std::int64_t row = x.size(0) == 0 ? 0 : x.numel() / x.size(0) * x.element_size();
  const bool has_words = x.is_contiguous() && row > 0 && row % kWordBytes == 0 &&
                         reinterpret_cast<std::uintptr_t>(x.const_data_ptr()) % kWordBytes == 0 &&
                         x.storage_offset() * x.element_size() % kWordBytes == 0;
  if (!has_words) return at::where(keep.view(shape), x, at::Scalar(0));
  const at::Tensor words = x.view({x.size(0), -1}).view(kWord);
  return at::where(keep.view({-1, 1}), words, at::Scalar(0)).view(x.scalar_type()).view(x.sizes());
}

struct SelectRows : torch::autograd::Function<SelectRows> {
  static at::Tensor forward(torch::autograd::AutogradContext* context, const at::Tensor& x,
                            const at::Tensor& keep) {
    context->save_for_backward({keep});
    const at::AutoDispatchBelowADInplaceOrView guard;
    return select(x, keep);
  }

  static torch::autograd::variable_list backward(torch::autograd::AutogradContext* context,
                                                 const torch::autograd::variable_list& gradients) {
    if (!gradients[0].defined()) return {at::Tensor(), at::Tensor()};
    return {select_rows(gradients[0], context->get_saved_variables()[0]), at::Tensor()};
  }
};

}  // namespace

at::Tensor select_rows(const at::Tensor& x, const at::Tensor& keep) { return SelectRows::apply(x, keep); }

}  // namespace mabert
