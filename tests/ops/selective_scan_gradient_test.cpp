#include "scan_problem.h"
#include "support/finite_difference.h"
#include "support/padding.h"

#include <ATen/Parallel.h>
#include <ATen/core/dispatch/Dispatcher.h>
#include <ATen/core/grad_mode.h>
#include <ATen/ops/equal.h>
#include <gtest/gtest.h>

#include "mabert/ops/selective_scan.h"

namespace mabert {
namespace {

using namespace mabert::testing;
using Lengths = std::vector<std::int64_t>;

class SelectiveScanGradientTest : public DeviceTest {};
INSTANTIATE_TEST_SUITE_P(Devices, SelectiveScanGradientTest, ::testing::ValuesIn(device_cases()), case_name);

/// Gradients of every present input, through autograd.
std::vector<at::Tensor> gradients(const ops::ScanInputs& in, const SequenceLayout& layout,
                                  const std::vector<bool>& reverse, const at::Tensor& grad) {
  const auto leaves = map_scan(
      in, [](const at::Tensor& x) { return x.detach().requires_grad_(); },
      [](const at::Tensor& x) { return x.detach().requires_grad_(); });
  ops::selective_scan(leaves, layout, {.reverse = reverse}).out.backward(grad);
  std::vector<at::Tensor> all;
  for (const auto& [name, tensor] : named_tensors(leaves)) all.push_back(tensor.grad());
  return all;
}

// bf16 and fp16 gradients go through rounded values of du and ddelta, not of the state: the forward's
// tolerance holds.
void expect_gradients(const DeviceCase& where, const Lengths& lengths, std::int64_t channels,
                      std::int64_t states, const std::vector<bool>& reverse, bool full) {
  const auto layout = SequenceLayout::ragged(lengths);
  const std::int64_t groups = static_cast<std::int64_t>(reverse.size());
  const auto in =
      place_scan(random_scan(layout.rows(), layout.capacity(), channels, states, groups, full), where, false);
  const auto grad = where.place(random_tensor({layout.rows(), channels}, 99));
  const auto wide = widen_scan(in, true);
  reference_scan(wide, layout, reverse).out.backward(grad.to(at::Device(at::kCPU), at::kDouble));
  const auto actual = gradients(in, layout.to(where.device), reverse, grad);
  std::size_t i = 0;
  for (const auto& [name, tensor] : named_tensors(wide)) {
    EXPECT_LE(relative_error(actual[i++], tensor.grad()), where.tolerance) << "gradient of " << name;
  }
}

TEST_P(SelectiveScanGradientTest, BackwardMatchesReference) {
  for (const auto& reverse : std::vector<std::vector<bool>>{{false}, {true}, {false, true}, {true, false}}) {
    SCOPED_TRACE(::testing::Message() << "groups " << reverse.size() << " first " << reverse[0]);
    expect_gradients(GetParam(), {1, 31, 127, 17}, 40, 5, reverse, true);
  }
  expect_gradients(GetParam(), {1, 48}, 6, 16, {false}, false);
  expect_gradients(GetParam(), {500}, 70, 16, {true}, true);
  expect_gradients(GetParam(), {2049}, 4, 16, {false}, true);
  expect_gradients(GetParam(), {20}, 3, 64, {false}, true);
}

TEST_P(SelectiveScanGradientTest, BackwardCalledDirectlyGivesTheSame) {
  using Forward = std::tuple<at::Tensor, at::Tensor, at::Tensor>(
      const at::Tensor&, const at::Tensor&, const at::Tensor&, const at::Tensor&, const at::Tensor&,
      const std::optional<at::Tensor>&, const std::optional<at::Tensor>&, const std::optional<at::Tensor>&,
      const std::optional<at::Tensor>&, at::TensorList, std::int64_t, std::int64_t, std::int64_t, bool, bool);
  using Backward = std::vector<at::Tensor>(
      const at::Tensor&, const at::Tensor&, const at::Tensor&, const at::Tensor&, const at::Tensor&,
      const at::Tensor&, const std::optional<at::Tensor>&, const std::optional<at::Tensor>&,
      const std::optional<at::Tensor>&, const std::optional<at::Tensor>&, const at::Tensor&, at::TensorList,
      std::int64_t, std::int64_t, std::int64_t);
  const DeviceCase& where = GetParam();
  const auto layout = SequenceLayout::ragged(Lengths{13, 40}).to(where.device);
  const auto in = place_scan(random_scan(53, 2, 10, 7, 1, true), where, false);
  const auto grad = where.place(random_tensor({53, 10}, 99));
  const auto find = [](const char* name) { return c10::Dispatcher::singleton().findSchemaOrThrow(name, ""); };
  const std::vector<at::Tensor> tensors{layout.offsets(),  layout.begin(),    layout.end(),
                                        layout.position(), layout.sequence(), layout.order()};
  const auto [out, states, last_state] =
      find("mabert::selective_scan")
          .typed<Forward>()
          .call(in.u, in.delta, in.a, in.b, in.c, in.d, in.z, in.delta_bias, in.initial_state, tensors,
                layout.max_length(), 0, 8, false, true);
  const auto direct = find("mabert::selective_scan_backward")
                          .typed<Backward>()
                          .call(grad, in.u, in.delta, in.a, in.b, in.c, in.d, in.z, in.delta_bias,
                                in.initial_state, states, tensors, layout.max_length(), 0, 8);
  const auto through = gradients(in, layout, {false}, grad);
  ASSERT_EQ(direct.size(), through.size());
  for (std::size_t i = 0; i < direct.size(); ++i) EXPECT_TRUE(at::equal(direct[i], through[i])) << i;
}

TEST(SelectiveScanFiniteDifferenceTest, EveryInput) {
  const auto layout = SequenceLayout::ragged(Lengths{3, 6});
  const std::vector<bool> reverse{true, false};
  const auto in = place_scan(random_scan(9, 2, 4, 3, 2, true), device_cases()[1], false);
  const auto weights = random_tensor({9, 4}, 99);
  const auto analytic = gradients(in, layout, reverse, weights);
  const auto value = [&] {
    return (ops::selective_scan(in, layout, {.reverse = reverse}).out * weights).sum().item<double>();
  };
  std::size_t i = 0;
  for (const auto& [name, tensor] : named_tensors(in)) {
    EXPECT_LE(relative_error(analytic[i++], finite_difference(tensor, value)), 1e-7) << name;
  }
}

TEST_P(SelectiveScanGradientTest, PadsNeitherLeakNorReceiveGradients) {
  const DeviceCase& where = GetParam();
  const Lengths lengths{3, 0, 19, 40};
  const auto ragged = SequenceLayout::ragged(lengths);
  const std::vector<bool> reverse{false, true};
  const auto in = place_scan(random_scan(ragged.rows(), ragged.capacity(), 12, 16, 2, true), where, false);
  const auto grad = where.place(random_tensor({ragged.rows(), 12}, 99));
  const auto expected = gradients(in, ragged.to(where.device), reverse, grad);
  for (const PadSide side : {PadSide::left, PadSide::right, PadSide::holes}) {
    const auto padded = padded_layout(lengths, side, 7);
    for (const double fill : pad_fills()) {
      SCOPED_TRACE(::testing::Message() << "side " << static_cast<int>(side) << " fill " << fill);
      const auto padded_in = map_scan(
          in, [&](const at::Tensor& x) { return pad_rows(x, padded, fill); },
          [](const at::Tensor& x) { return x; });
      const auto actual =
          gradients(padded_in, padded.to(where.device), reverse, pad_rows(grad, padded, fill));
      std::size_t i = 0;
      for (const auto& [name, tensor] : named_tensors(padded_in)) {
        const bool rows = tensor.size(0) == padded.rows();
        EXPECT_LE(relative_error(rows ? unpad_rows(actual[i], padded) : actual[i], expected[i]), 1e-6)
            << name;
        if (rows) {
          EXPECT_TRUE(pads_are_zero(actual[i], padded)) << name;
        }
        ++i;
      }
    }
  }
}

TEST_P(SelectiveScanGradientTest, RepeatsBitForBitWithAnyNumberOfThreads) {
  const DeviceCase& where = GetParam();
  const auto layout = SequenceLayout::ragged(Lengths{400, 1, 350, 700, 90}).to(where.device);
  const auto in = place_scan(random_scan(layout.rows(), 5, 70, 8, 1, true), where, false);
  const auto grad = where.place(random_tensor({layout.rows(), 70}, 99));
  const int threads = at::get_num_threads();
  const auto first = gradients(in, layout, {true}, grad), again = gradients(in, layout, {true}, grad);
  at::set_num_threads(threads == 1 ? 2 : 1);
  const auto other = gradients(in, layout, {true}, grad);
  at::set_num_threads(threads);
  for (std::size_t i = 0; i < first.size(); ++i) {
    EXPECT_TRUE(at::equal(first[i], again[i])) << i;
    EXPECT_TRUE(at::equal(first[i], other[i])) << i;
  }
}

TEST_P(SelectiveScanGradientTest, StridedInputsAndIncomingGradient) {
  const DeviceCase& where = GetParam();
  const auto layout = SequenceLayout::ragged(Lengths{21, 12}).to(where.device);
  const auto in = place_scan(random_scan(33, 2, 20, 8, 1, true), where, false);
  const auto strided = map_scan(
      in,
      [](const at::Tensor& x) {
        return at::cat({x, x}, x.dim() - 1).narrow(x.dim() - 1, x.size(-1), x.size(-1));
      },
      [](const at::Tensor& x) { return x.transpose(0, -1).contiguous().transpose(0, -1); });
  const auto grad = where.place(random_tensor({33, 20}, 99));
  const auto expected = gradients(in, layout, {false}, grad);
  const auto actual = gradients(strided, layout, {false}, grad.t().contiguous().t());
  for (std::size_t i = 0; i < expected.size(); ++i) EXPECT_TRUE(at::equal(actual[i], expected[i])) << i;
}

TEST(SelectiveScanNoGradientTest, WithoutGradientsNothingIsRecorded) {
  const auto layout = SequenceLayout::ragged(Lengths{8});
  const auto in = place_scan(random_scan(8, 1, 4, 2, 1, true), device_cases()[0], true);
  EXPECT_TRUE(ops::selective_scan(in, layout).out.requires_grad());
  EXPECT_FALSE(ops::selective_scan(in, layout).last_state.requires_grad());
  const at::NoGradGuard guard;
  EXPECT_FALSE(ops::selective_scan(in, layout).out.requires_grad());
}

}  // namespace
}  // namespace mabert
