#include "scan_problem.h"

#include <ATen/ops/randn.h>
#include <c10/core/CachingDeviceAllocator.h>
#include <gtest/gtest.h>

#include "mabert/ops/selective_scan.h"

namespace mabert {
namespace {

using namespace mabert::testing;
using Lengths = std::vector<std::int64_t>;

/// Random inputs made on the device: what the host would need minutes for.
ops::ScanInputs device_scan(std::int64_t rows, std::int64_t channels) {
  const auto options = at::TensorOptions().dtype(at::kBFloat16).device(at::kCUDA);
  const auto random = [&](at::IntArrayRef shape) { return at::randn(shape, options); };
  ops::ScanInputs in;
  in.u = random({rows, channels});
  in.delta = random({rows, channels});
  in.a = -at::randn({channels, 16}, options.dtype(at::kFloat)).exp();
  in.b = random({rows, 1, 16});
  in.c = random({rows, 1, 16});
  in.d = at::randn({channels}, options.dtype(at::kFloat));
  in.z = random({rows, channels});
  in.delta_bias = at::randn({channels}, options.dtype(at::kFloat));
  return in;
}

/// The rows [first, last) alone.
ops::ScanInputs rows_of(const ops::ScanInputs& in, std::int64_t first, std::int64_t last) {
  const auto cut = [&](const at::Tensor& x) { return x.narrow(0, first, last - first); };
  return map_scan(in, cut, [](const at::Tensor& x) { return x; });
}

/// The last sequence of a large batch, forward and backward, against the same sequence alone. Another number
/// of sequences may be cut otherwise in time: equal to rounding.
void expect_last_sequence(std::int64_t sequences, std::int64_t length, std::int64_t channels) {
  const std::int64_t rows = sequences * length;
  const auto in = device_scan(rows, channels);
  const auto grad = at::randn({rows, channels}, in.u.options());
  const auto run = [&](const ops::ScanInputs& inputs, std::int64_t count, const at::Tensor& incoming) {
    auto leaves = inputs;
    leaves.u = inputs.u.detach().requires_grad_();
    const Lengths lengths(static_cast<std::size_t>(count), length);
    const auto out =
        ops::selective_scan(leaves, SequenceLayout::ragged(lengths).to(in.u.device()), {.last_state = false})
            .out;
    out.backward(incoming);
    return std::pair{out.detach(), leaves.u.grad()};
  };
  const auto [alone, alone_grad] =
      run(rows_of(in, rows - length, rows), 1, grad.narrow(0, rows - length, length));
  const auto [all, all_grad] = run(in, sequences, grad);
  EXPECT_LE(relative_error(all.narrow(0, rows - length, length), alone), 4e-3);
  EXPECT_LE(relative_error(all_grad.narrow(0, rows - length, length), alone_grad), 4e-3);
  EXPECT_FALSE(all.isnan().any().item<bool>());
}

std::size_t free_memory() { return c10::getDeviceAllocator(at::kCUDA)->getMemoryInfo(0).first; }

class SelectiveScanLargeTest : public ::testing::Test {
 protected:
  void SetUp() override {
    if (!at::globalContext().hasCUDA()) GTEST_SKIP() << "no CUDA device";
  }
};

TEST_F(SelectiveScanLargeTest, MoreElementsThan32BitsCount) {
  if (free_memory() < (80ull << 30)) GTEST_SKIP() << "needs 80 GiB of free device memory";
  expect_last_sequence(1024, 2048, 1040);  // 2.18e9 elements
}

TEST_F(SelectiveScanLargeTest, AHundredThousandSequences) { expect_last_sequence(100'000, 9, 64); }

// Against the plain kernels in float64 on the same device.
TEST_F(SelectiveScanLargeTest, AHundredThousandRows) {
  const std::int64_t rows = 100'000, channels = 64;
  const auto in = device_scan(rows, channels);
  const auto grad = at::randn({rows, channels}, in.u.options());
  const auto layout = SequenceLayout::ragged(Lengths{rows}).to(in.u.device());
  const auto run = [&](at::ScalarType type, at::ScalarType sums) {
    const auto leaves = map_scan(
        in, [&](const at::Tensor& x) { return x.detach().to(type).requires_grad_(); },
        [&](const at::Tensor& x) { return x.detach().to(sums).requires_grad_(); });
    const auto result = ops::selective_scan(leaves, layout);
    result.out.backward(grad.to(type));
    std::vector<NamedTensor> all{{"out", result.out.detach()}, {"last state", result.last_state}};
    for (const auto& [name, tensor] : named_tensors(leaves)) all.push_back({name, tensor.grad()});
    return all;
  };
  const auto expected = run(at::kDouble, at::kDouble), actual = run(at::kBFloat16, at::kFloat);
  for (std::size_t i = 0; i < expected.size(); ++i) {
    EXPECT_LE(relative_error(actual[i].tensor, expected[i].tensor), 4e-3) << expected[i].name;
  }
}

}  // namespace
}  // namespace mabert
