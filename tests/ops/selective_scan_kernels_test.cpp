#include "scan_problem.h"
#include "support/padding.h"

#include <ATen/ops/equal.h>
#include <ATen/ops/full.h>
#include <gtest/gtest.h>

#include "mabert/core/error.h"
#include "mabert/ops/selective_scan.h"

// The shapes for which CUDA has kernels of its own: 16 states, groups of whole vectors of channels. Every
// body runs them.
namespace mabert {
namespace {

using namespace mabert::testing;
using Lengths = std::vector<std::int64_t>;
using Reverse = std::vector<bool>;

class SelectiveScanKernelsTest : public DeviceTest {};
INSTANTIATE_TEST_SUITE_P(Devices, SelectiveScanKernelsTest, ::testing::ValuesIn(device_cases()), case_name);

struct Results {
  at::Tensor out, last_state;
  std::vector<at::Tensor> gradients;  // in the order of named_tensors
};

Results run(const ops::ScanInputs& in, const SequenceLayout& layout, const ops::ScanOptions& options,
            const at::Tensor& grad) {
  const auto leaf = [](const at::Tensor& x) { return x.detach().requires_grad_(); };
  const auto leaves = map_scan(in, leaf, leaf);
  const auto result = ops::selective_scan(leaves, layout, options);
  result.out.backward(grad);
  Results all{result.out.detach(), result.last_state, {}};
  for (const auto& [name, tensor] : named_tensors(leaves)) all.gradients.push_back(tensor.grad());
  return all;
}

/// Results against float64, element by element of the list; sums of states rounded to half precision are a
/// little less exact than the rounding of results.
void expect_reference(const DeviceCase& where, const Lengths& lengths, std::int64_t channels,
                      const ops::ScanOptions& options, bool full) {
  const auto layout = SequenceLayout::ragged(lengths);
  const std::int64_t groups = static_cast<std::int64_t>(options.reverse.size());
  const auto in =
      place_scan(random_scan(layout.rows(), layout.capacity(), channels, 16, groups, full), where, false);
  const auto grad = where.place(random_tensor({layout.rows(), channels}, 99));
  const auto actual = run(in, layout.to(where.device), options, grad);
  const auto wide = widen_scan(in, true);
  const auto expected = reference_scan(wide, layout, options.reverse);
  expected.out.backward(grad.to(at::Device(at::kCPU), at::kDouble));
  const double tolerance = where.dtype == at::kBFloat16 ? 4e-3 : where.tolerance;
  EXPECT_LE(relative_error(actual.out, expected.out), tolerance);
  EXPECT_LE(relative_error(actual.last_state, expected.last_state), std::min(tolerance, 1e-5));
  std::size_t i = 0;
  for (const auto& [name, tensor] : named_tensors(wide)) {
    EXPECT_LE(relative_error(actual.gradients[i++], tensor.grad()), tolerance) << "gradient of " << name;
  }
}

TEST_P(SelectiveScanKernelsTest, MatchReference) {
  expect_reference(GetParam(), {0, 1, 31, 64, 0, 17, 8, 130}, 104, {}, true);
  expect_reference(GetParam(), {33, 16, 15}, 24, {.reverse = {true}}, false);
  for (const Reverse& reverse : {Reverse{false, true}, Reverse{true, false}}) {
    expect_reference(GetParam(), {1, 31, 64, 0, 17, 8}, 48, {.reverse = reverse}, true);
  }
}

// Few sequences: kernels may cut them into chunks of rows.
TEST_P(SelectiveScanKernelsTest, LongSequencesMatchReference) {
  expect_reference(GetParam(), {700}, 16, {}, true);
  expect_reference(GetParam(), {500, 3}, 16, {.reverse = {true}}, true);
  expect_reference(GetParam(), {403}, 32, {.reverse = {true, false}}, true);
}

// More sequences than partial sums: a warp of the backward takes several.
TEST_P(SelectiveScanKernelsTest, ManySequencesMatchReference) {
  Lengths lengths(300, 2);
  lengths[0] = lengths[17] = lengths[299] = 0;
  lengths[256] = 17;
  expect_reference(GetParam(), lengths, 24, {.reverse = {true}}, true);
}

TEST_P(SelectiveScanKernelsTest, EveryWayOfSavingStatesMatchesReference) {
  for (const ops::SavedStates& saved : {ops::SavedStates{.every = 4}, ops::SavedStates{.wide = true},
                                        ops::SavedStates{.every = 4, .wide = true}}) {
    SCOPED_TRACE(::testing::Message() << "every " << saved.every << " wide " << saved.wide);
    expect_reference(GetParam(), {5, 0, 70, 9}, 40, {.saved = saved}, true);
    expect_reference(GetParam(), {300}, 16, {.reverse = {true}, .saved = saved}, false);
    expect_reference(GetParam(), {70, 1}, 48, {.reverse = {false, true}, .saved = saved}, true);
  }
}

TEST_P(SelectiveScanKernelsTest, RecomputedStatesGiveTheSame) {
  const DeviceCase& where = GetParam();
  const auto layout = SequenceLayout::ragged(Lengths{5, 0, 70, 300}).to(where.device);
  const auto in = place_scan(random_scan(375, 4, 24, 16, 1, true), where, false);
  const auto grad = where.place(random_tensor({375, 24}, 99));
  const auto saved = run(in, layout, {}, grad), again = run(in, layout, {.saved = {.recompute = true}}, grad);
  EXPECT_TRUE(at::equal(saved.out, again.out));
  for (std::size_t i = 0; i < saved.gradients.size(); ++i) {
    EXPECT_TRUE(at::equal(saved.gradients[i], again.gradients[i])) << i;
  }
}

TEST_P(SelectiveScanKernelsTest, WithoutTheLastStateTheOutputIsTheSame) {
  const DeviceCase& where = GetParam();
  const auto layout = SequenceLayout::ragged(Lengths{40, 3}).to(where.device);
  const auto in = place_scan(random_scan(43, 2, 24, 16, 1, true), where, false);
  EXPECT_TRUE(at::equal(ops::selective_scan(in, layout).out,
                        ops::selective_scan(in, layout, {.last_state = false}).out));
}

/// Padded batches against the ragged one. exact: forward results are equal bit by bit (a padded batch may be
/// cut otherwise in time, which changes rounding).
void expect_padding_safe(const DeviceCase& where, const Lengths& lengths, const ops::ScanOptions& options,
                         bool exact) {
  const auto ragged = SequenceLayout::ragged(lengths);
  const auto in = place_scan(random_scan(ragged.rows(), ragged.capacity(), 48, 16, 2, true), where, false);
  const auto grad = where.place(random_tensor({ragged.rows(), 48}, 99));
  const auto expected = run(in, ragged.to(where.device), options, grad);
  for (const PadSide side : {PadSide::left, PadSide::right, PadSide::holes}) {
    const auto padded = padded_layout(lengths, side, 7);
    for (const double fill : pad_fills()) {
      SCOPED_TRACE(::testing::Message() << "side " << static_cast<int>(side) << " fill " << fill);
      const auto padded_in = map_scan(
          in, [&](const at::Tensor& x) { return pad_rows(x, padded, fill); },
          [](const at::Tensor& x) { return x; });
      {
        // Freed NaN lies where results are allocated next: a row that nobody writes shows.
        const at::Tensor poison = at::full({16, padded.rows(), 48}, std::numeric_limits<double>::quiet_NaN(),
                                           padded_in.u.options());
      }
      const auto actual = run(padded_in, padded.to(where.device), options, pad_rows(grad, padded, fill));
      const at::Tensor out = unpad_rows(actual.out, padded);
      EXPECT_TRUE(!exact || at::equal(out, expected.out));
      EXPECT_TRUE(!exact || at::equal(actual.last_state, expected.last_state));
      const double rounding = exact ? 2e-6 : where.dtype == at::kBFloat16 ? 4e-3 : where.tolerance;
      EXPECT_LE(relative_error(out, expected.out), rounding);
      EXPECT_TRUE(pads_are_zero(actual.out, padded));
      std::size_t i = 0;
      for (const auto& [name, tensor] : named_tensors(padded_in)) {
        const bool rows = tensor.size(0) == padded.rows();
        const at::Tensor gradient = rows ? unpad_rows(actual.gradients[i], padded) : actual.gradients[i];
        EXPECT_LE(relative_error(gradient, expected.gradients[i]), rounding) << name;
        if (rows) {
          EXPECT_TRUE(pads_are_zero(actual.gradients[i], padded)) << name;
        }
        ++i;
      }
    }
  }
}

// Too short to be cut in time. Wide states: between rounded ones, pads between valid rows would show as
// rounding.
TEST_P(SelectiveScanKernelsTest, PadsNeitherLeakNorReceiveGradients) {
  const ops::ScanOptions options{.reverse = {false, true}, .saved = {.wide = true}};
  expect_padding_safe(GetParam(), {3, 0, 1, 19, 30, 2}, options, /*exact=*/true);
}

TEST_P(SelectiveScanKernelsTest, PadsOfLongSequencesAreSafeToo) {
  for (const Lengths& lengths : {Lengths{300, 1}, Lengths{210, 0, 3}}) {
    expect_padding_safe(GetParam(), lengths, {.reverse = {false, true}, .saved = {.wide = true}}, false);
  }
  expect_padding_safe(GetParam(), {70, 1, 5}, {.reverse = {true, false}, .saved = {.every = 4, .wide = true}},
                      false);
}

TEST_P(SelectiveScanKernelsTest, NothingButSlackKeepsTheInitialState) {
  const DeviceCase& where = GetParam();
  const auto layout = SequenceLayout::ragged(Lengths{0, 0}, {.rows = 600, .sequences = 4, .max_length = 600});
  const auto in = place_scan(random_scan(600, 4, 16, 16, 1, true), where, false);
  const auto results = run(in, layout.to(where.device), {}, where.place(random_tensor({600, 16}, 99)));
  EXPECT_TRUE(at::equal(results.last_state, *in.initial_state));
  EXPECT_TRUE(pads_are_zero(results.out, layout));
  for (const at::Tensor& gradient : results.gradients) EXPECT_TRUE(gradient.eq(0).all().item<bool>());
}

TEST_P(SelectiveScanKernelsTest, NoChannelsAtAll) {
  const DeviceCase& where = GetParam();
  const auto in = place_scan(random_scan(6, 1, 0, 16, 1, true), where, false);
  const auto results = run(in, SequenceLayout::ragged(Lengths{6}).to(where.device), {},
                           where.place(random_tensor({6, 0}, 99)));
  EXPECT_EQ(results.out.numel(), 0);
  EXPECT_TRUE(results.gradients[3].eq(0).all().item<bool>());  // of B
}

TEST_P(SelectiveScanKernelsTest, SlackRowsAreZeroInEveryResult) {
  const DeviceCase& where = GetParam();
  const auto layout = SequenceLayout::ragged(Lengths{5, 9}, {.rows = 40, .sequences = 8, .max_length = 16});
  auto in = place_scan(random_scan(40, 8, 24, 16, 1, true), where, false);
  auto grad = where.place(random_tensor({40, 24}, 99));
  const double nan = std::numeric_limits<double>::quiet_NaN();
  for (const at::Tensor& x : {in.u, in.delta, *in.z, in.b, in.c, grad}) x.narrow(0, 14, 26).fill_(nan);
  const auto results = run(in, layout.to(where.device), {}, grad);
  EXPECT_TRUE(pads_are_zero(results.out, layout));
  std::size_t i = 0;
  for (const auto& [name, tensor] : named_tensors(in)) {
    EXPECT_FALSE(results.gradients[i].isnan().any().item<bool>()) << name;
    if (tensor.size(0) == 40) {
      EXPECT_TRUE(pads_are_zero(results.gradients[i], layout)) << name;
    }
    ++i;
  }
}

// Slices at any column: some begin at whole vectors and are read in place, some do not and are copied.
TEST_P(SelectiveScanKernelsTest, SlicesOfWiderMatricesGiveTheSame) {
  const DeviceCase& where = GetParam();
  const auto layout = SequenceLayout::ragged(Lengths{21, 12}).to(where.device);
  const auto in = place_scan(random_scan(33, 2, 24, 16, 1, true), where, false);
  const auto grad = where.place(random_tensor({33, 24}, 99));
  const auto expected = run(in, layout, {}, grad);
  for (const std::int64_t shift : {1, 8, 16}) {
    const auto slice = [&](const at::Tensor& x) {
      const std::int64_t last = x.dim() - 1;
      return at::cat({x.narrow(last, 0, 1).expand_as(x), x, x}, last)
          .roll(shift, last)
          .narrow(last, x.size(last) + shift, x.size(last));
    };
    const auto actual =
        run(map_scan(in, slice, [](const at::Tensor& x) { return x; }), layout, {}, slice(grad));
    EXPECT_TRUE(at::equal(actual.out, expected.out)) << shift;
    for (std::size_t i = 0; i < expected.gradients.size(); ++i) {
      EXPECT_TRUE(at::equal(actual.gradients[i], expected.gradients[i])) << shift << " " << i;
    }
  }
}

TEST_P(SelectiveScanKernelsTest, RepeatBitForBit) {
  const DeviceCase& where = GetParam();
  for (const Lengths& lengths : {Lengths{900}, Lengths{40, 1, 350, 70, 90}}) {
    const auto layout = SequenceLayout::ragged(lengths);
    const auto in = place_scan(random_scan(layout.rows(), layout.capacity(), 40, 16, 1, true), where, false);
    const auto grad = where.place(random_tensor({layout.rows(), 40}, 99));
    const auto first = run(in, layout.to(where.device), {}, grad),
               again = run(in, layout.to(where.device), {}, grad);
    EXPECT_TRUE(at::equal(first.out, again.out));
    for (std::size_t i = 0; i < first.gradients.size(); ++i) {
      EXPECT_TRUE(at::equal(first.gradients[i], again.gradients[i])) << i;
    }
  }
}

TEST(SelectiveScanSavedStatesTest, OnlyIntervalsThatKernelsHave) {
  const auto in = place_scan(random_scan(8, 1, 8, 16, 1, true), device_cases()[0], false);
  try {
    ops::selective_scan(in, SequenceLayout::ragged(Lengths{8}), {.saved = {.every = 5}});
    FAIL() << "nothing thrown";
  } catch (const UsageError& error) {
    EXPECT_STREQ(error.what(), "[selective_scan] saved.every: expected 4 or 8, got 5");
  }
}

}  // namespace
}  // namespace mabert
