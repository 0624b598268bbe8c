#include "mabert/core/select_rows.h"

#include <limits>
#include <vector>

#include <ATen/Context.h>
#include <ATen/TensorIndexing.h>
#include <ATen/TensorOperators.h>
#include <ATen/ops/arange.h>
#include <ATen/ops/full_like.h>
#include <ATen/ops/rand.h>
#include <ATen/ops/randn.h>
#include <ATen/ops/where.h>
#include <ATen/ops/zeros_like.h>
#include <gtest/gtest.h>

namespace mabert {
namespace {

std::vector<c10::Device> devices() {
  std::vector<c10::Device> all{c10::Device(c10::kCPU)};
  if (at::globalContext().hasCUDA()) all.emplace_back(c10::kCUDA, 0);
  return all;
}

constexpr double kNan = std::numeric_limits<double>::quiet_NaN();

at::Tensor every_third_missing(std::int64_t rows, c10::Device device) {
  return at::arange(rows, at::TensorOptions().dtype(at::kLong).device(device)).remainder(3).ne(1);
}

void expect_selected(const at::Tensor& x) {
  const at::Tensor keep = every_third_missing(x.size(0), x.device());
  const at::Tensor missing = keep.logical_not();
  const at::Tensor leaf = x.detach().clone().index_put_({missing}, kNan).requires_grad_();
  const at::Tensor out = select_rows(leaf, keep);
  EXPECT_EQ(out.sizes(), x.sizes());
  EXPECT_EQ(out.scalar_type(), x.scalar_type());
  EXPECT_TRUE(out.index({keep}).equal(x.index({keep})));
  EXPECT_TRUE(out.index({missing}).eq(0).all().item<bool>());

  const at::Tensor gradient = at::randn(x.sizes(), x.options()).index_put_({missing}, kNan);
  out.backward(gradient);
  EXPECT_TRUE(leaf.grad().index({keep}).equal(gradient.index({keep})));
  EXPECT_TRUE(leaf.grad().index({missing}).eq(0).all().item<bool>());
}

TEST(SelectRowsTest, KeepsRowsAndGradientsBitForBitAndNeverReadsTheOthers) {
  for (const c10::Device device : devices()) {
    for (const auto dtype : {at::kFloat, at::kDouble, at::kBFloat16, at::kHalf}) {
      // Rows of whole words, of none, and of a word and a half.
      for (const std::int64_t width : {64, 4, 3, 1, 6}) {
        SCOPED_TRACE(testing::Message() << device << " " << c10::toString(dtype) << " " << width);
        expect_selected(at::randn({31, width}, at::TensorOptions().dtype(dtype).device(device)));
      }
      expect_selected(at::randn({7, 2, 3, 8}, at::TensorOptions().dtype(dtype).device(device)));
      expect_selected(at::randn({9}, at::TensorOptions().dtype(dtype).device(device)));
    }
  }
}

TEST(SelectRowsTest, TakesViewsAndEmptyTensors) {
  const at::Tensor wide = at::randn({12, 40});
  const at::Tensor keep = every_third_missing(12, at::kCPU);
  const at::Tensor expected = at::where(keep.unsqueeze(1), wide, at::Scalar(0));
  EXPECT_TRUE(select_rows(wide.narrow(1, 1, 16), keep).equal(expected.narrow(1, 1, 16)));    // strided
  EXPECT_TRUE(select_rows(wide.t().contiguous().t(), keep).equal(expected));                 // columns dense
  const at::Tensor shifted = at::randn({12 * 16 + 1}).narrow(0, 1, 12 * 16).view({12, 16});  // not aligned
  EXPECT_TRUE(select_rows(shifted, keep).equal(at::where(keep.unsqueeze(1), shifted, at::Scalar(0))));
  EXPECT_EQ(select_rows(at::rand({0, 16}), keep.narrow(0, 0, 0)).numel(), 0);
  EXPECT_EQ(select_rows(at::rand({12, 0}), keep).sizes(), (std::vector<std::int64_t>{12, 0}));
}

}  // namespace
}  // namespace mabert
