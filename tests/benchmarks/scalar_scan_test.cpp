#include "benchmarks/ops/scalar_scan.h"

#include "benchmarks/ops/scan_inputs.h"
#include "support/references.h"

#include <ATen/Parallel.h>
#include <ATen/ops/randn_like.h>
#include <gtest/gtest.h>

namespace mabert::bench {
namespace {

// The yardstick must compute what the operator computes, whatever the number of threads.
TEST(ScalarScanTest, AgreesWithTheReference) {
  const std::vector<std::int64_t> lengths{19, 19, 19};
  const SequenceLayout layout = SequenceLayout::ragged(lengths);
  const ops::ScanInputs in = random_scan(layout.rows(), {.channels = 10}, false);
  const ops::ScanInputs wide = widened_scan(in, c10::Device(c10::kCPU));
  const at::Tensor grad = at::randn_like(in.u);
  const auto expected = scan_results(testing::reference_scan(wide, layout, {false}).out, grad, wide);
  for (const int threads : {1, 2, 7}) {
    at::set_num_threads(threads);
    std::vector<NamedTensor> found{{"out", scalar_scan_forward(in, 3)}};
    for (NamedTensor& gradient : scalar_scan_backward(in, grad, 3)) found.push_back(std::move(gradient));
    for (const Check& check : compare("scalar", found, expected, 1e-5)) {
      EXPECT_LE(check.error, check.tolerance) << check.what << ", " << threads << " threads";
    }
  }
}

TEST(ScalarScanTest, ChecksSeeWrongAndMissingResults) {
  const at::Tensor x = at::full({4}, 1.0f), y = at::full({4}, 1.1f), nan = at::full({4}, std::nan(""));
  EXPECT_FALSE(compare("a", {{"x", y}}, {{"x", x}}, 1e-2)[0].passed());
  EXPECT_TRUE(compare("a", {{"x", y}}, {{"x", x}}, 0.2)[0].passed());
  EXPECT_FALSE(compare("a", {{"x", nan}}, {{"x", x}}, 1e9)[0].passed());
  EXPECT_FALSE(compare("a", {{"x", at::Tensor()}}, {{"x", x}}, 1e9)[0].passed());
  const auto checks = compare("a", {{"x", x}, {"y", y}}, {{"x", x}, {"y", x}}, 1e-2);
  EXPECT_EQ(worst(checks).what, "a: y");
}

}  // namespace
}  // namespace mabert::bench
