#include "mabert/ops/selective_scan.h"

#include "scan_problem.h"
#include "support/padding.h"

#include <ATen/Parallel.h>
#include <ATen/ops/equal.h>
#include <gtest/gtest.h>

#include "mabert/core/error.h"

namespace mabert {
namespace {

using namespace mabert::testing;
using Lengths = std::vector<std::int64_t>;

class SelectiveScanTest : public DeviceTest {};
INSTANTIATE_TEST_SUITE_P(Devices, SelectiveScanTest, ::testing::ValuesIn(device_cases()), case_name);

void expect_forward(const DeviceCase& where, const Lengths& lengths, std::int64_t channels,
                    std::int64_t states, const std::vector<bool>& reverse, bool full) {
  const auto layout = SequenceLayout::ragged(lengths);
  const std::int64_t groups = static_cast<std::int64_t>(reverse.size());
  const auto in =
      place_scan(random_scan(layout.rows(), layout.capacity(), channels, states, groups, full), where, false);
  const auto result = ops::selective_scan(in, layout.to(where.device), {.reverse = reverse});
  const auto expected = reference_scan(widen_scan(in, false), layout, reverse);
  EXPECT_EQ(result.out.scalar_type(), where.dtype);
  EXPECT_LE(relative_error(result.out, expected.out), where.tolerance);
  EXPECT_LE(relative_error(result.last_state, expected.last_state), std::min(where.tolerance, 1e-5));
}

TEST_P(SelectiveScanTest, ForwardMatchesReference) {
  for (const auto& reverse : std::vector<std::vector<bool>>{{false}, {true}, {false, true}, {true, false}}) {
    for (const bool full : {false, true}) {
      SCOPED_TRACE(::testing::Message() << "groups " << reverse.size() << " full " << full);
      expect_forward(GetParam(), {0, 1, 31, 127, 0, 17}, 40, 5, reverse, full);
    }
  }
  expect_forward(GetParam(), {500}, 72, 16, {false}, true);
  expect_forward(GetParam(), {2049}, 20, 16, {true}, true);
}

TEST_P(SelectiveScanTest, EveryStateSizeUpToTheLimit) {
  for (const std::int64_t states : {1, 3, 8, 16, 33, 64})
    expect_forward(GetParam(), {33, 2}, 6, states, {false}, true);
}

TEST_P(SelectiveScanTest, NoRowsAtAll) {
  const auto none = place_scan(random_scan(0, 0, 8, 4, 1, true), GetParam(), false);
  EXPECT_EQ(ops::selective_scan(none, SequenceLayout::ragged({}).to(GetParam().device)).out.size(0), 0);
  expect_forward(GetParam(), {0, 0}, 8, 4, {false}, true);
}

TEST_P(SelectiveScanTest, ASequenceSplitInTwoContinuesFromTheLastState) {
  const DeviceCase& where = GetParam();
  const std::int64_t length = 70, cut = 37;
  for (const bool reverse : {false, true}) {
    const auto whole_in = place_scan(random_scan(length, 1, 24, 16, 1, true), where, false);
    const auto whole = ops::selective_scan(whole_in, SequenceLayout::ragged(Lengths{length}).to(where.device),
                                           {.reverse = {reverse}});
    const auto part = [&](std::int64_t first, std::int64_t count, const at::Tensor& state) {
      auto in = map_scan(
          whole_in, [&](const at::Tensor& x) { return x.narrow(0, first, count); },
          [](const at::Tensor& x) { return x; });
      in.initial_state = state;
      return ops::selective_scan(in, SequenceLayout::ragged(Lengths{count}).to(where.device),
                                 {.reverse = {reverse}});
    };
    const auto first =
        reverse ? part(cut, length - cut, *whole_in.initial_state) : part(0, cut, *whole_in.initial_state);
    const auto second = reverse ? part(0, cut, first.last_state) : part(cut, length - cut, first.last_state);
    const at::Tensor joined = reverse ? at::cat({second.out, first.out}) : at::cat({first.out, second.out});
    EXPECT_LE(relative_error(joined, whole.out), where.tolerance);
    EXPECT_LE(relative_error(second.last_state, whole.last_state), std::min(where.tolerance, 1e-5));
  }
}

TEST_P(SelectiveScanTest, PadsNeitherLeakNorCarryValues) {
  const DeviceCase& where = GetParam();
  const Lengths lengths{3, 0, 19, 40};
  const auto ragged = SequenceLayout::ragged(lengths);
  const std::vector<bool> reverse{false, true};
  const auto in = place_scan(random_scan(ragged.rows(), ragged.capacity(), 12, 16, 2, true), where, false);
  const auto expected = ops::selective_scan(in, ragged.to(where.device), {.reverse = reverse});
  for (const PadSide side : {PadSide::left, PadSide::right, PadSide::holes}) {
    const auto padded = padded_layout(lengths, side, 7);
    for (const double fill : pad_fills()) {
      SCOPED_TRACE(::testing::Message() << "side " << static_cast<int>(side) << " fill " << fill);
      const auto padded_in = map_scan(
          in, [&](const at::Tensor& x) { return pad_rows(x, padded, fill); },
          [](const at::Tensor& x) { return x; });
      const auto result = ops::selective_scan(padded_in, padded.to(where.device), {.reverse = reverse});
      EXPECT_TRUE(at::equal(unpad_rows(result.out, padded), expected.out));
      EXPECT_TRUE(at::equal(result.last_state, expected.last_state));
      EXPECT_TRUE(pads_are_zero(result.out, padded));
    }
  }
}

TEST_P(SelectiveScanTest, SlackRowsAreZero) {
  const DeviceCase& where = GetParam();
  const auto layout = SequenceLayout::ragged(Lengths{5, 9}, {.rows = 40, .sequences = 8, .max_length = 16});
  auto in = place_scan(random_scan(40, 8, 10, 4, 1, true), where, false);
  in.u.narrow(0, 14, 26).fill_(std::numeric_limits<double>::quiet_NaN());
  const auto out = ops::selective_scan(in, layout.to(where.device)).out;
  EXPECT_TRUE(pads_are_zero(out, layout));
  EXPECT_FALSE(out.isnan().any().item<bool>());
}

TEST_P(SelectiveScanTest, StridedInputsGiveTheSame) {
  const DeviceCase& where = GetParam();
  const auto layout = SequenceLayout::ragged(Lengths{21, 12}).to(where.device);
  const auto in = place_scan(random_scan(33, 2, 20, 8, 1, true), where, false);
  // Slices of a wider tensor for rows; transposed storage for the others.
  const auto strided = map_scan(
      in,
      [](const at::Tensor& x) {
        return at::cat({x, x}, x.dim() - 1).narrow(x.dim() - 1, x.size(-1), x.size(-1));
      },
      [](const at::Tensor& x) { return x.transpose(0, -1).contiguous().transpose(0, -1); });
  EXPECT_FALSE(strided.u.is_contiguous());
  EXPECT_TRUE(at::equal(ops::selective_scan(in, layout).out, ops::selective_scan(strided, layout).out));
}

TEST_P(SelectiveScanTest, RepeatsBitForBitWithAnyNumberOfThreads) {
  const DeviceCase& where = GetParam();
  const auto layout = SequenceLayout::ragged(Lengths{400, 1, 350, 700, 90}).to(where.device);
  const auto in = place_scan(random_scan(layout.rows(), 5, 70, 8, 1, true), where, false);
  const int threads = at::get_num_threads();
  const auto first = ops::selective_scan(in, layout).out, again = ops::selective_scan(in, layout).out;
  at::set_num_threads(threads == 1 ? 2 : 1);
  const auto other = ops::selective_scan(in, layout).out;
  at::set_num_threads(threads);
  EXPECT_TRUE(at::equal(first, again));
  EXPECT_TRUE(at::equal(first, other));
}

template <class Change>
std::string message_of(const Change& change, const ops::ScanOptions& options = {}) {
  auto in = place_scan(random_scan(128, 1, 64, 16, 1, true), device_cases()[0], false);
  change(in);
  try {
    ops::selective_scan(in, SequenceLayout::ragged(Lengths{128}), options);
  } catch (const UsageError& error) {
    return error.what();
  }
  return "nothing thrown";
}

TEST(SelectiveScanArgumentsTest, WrongArgumentsAreNamed) {
  using In = ops::ScanInputs;
  EXPECT_EQ(message_of([](In& in) { in.delta = in.delta.narrow(0, 0, 127); }),
            "[selective_scan] delta: expected (128, 64), got (127, 64)");
  EXPECT_EQ(message_of([](In& in) { in.a = in.a.to(at::kDouble); }),
            "[selective_scan] a: expected Float, got Double");
  EXPECT_EQ(message_of([](In& in) { in.u = in.u.to(at::kBFloat16); }),
            "[selective_scan] u: expected float32 or float64 on the CPU, got BFloat16");
  EXPECT_EQ(message_of([](In& in) { in.c = in.c.squeeze(1); }),
            "[selective_scan] c: expected (128, 1, 16), got (128, 16)");
  EXPECT_EQ(message_of([](In& in) { in.z = in.z->narrow(1, 0, 3); }),
            "[selective_scan] z: expected (128, 64), got (128, 3)");
  EXPECT_EQ(message_of([](In& in) { in.initial_state = in.a; }),
            "[selective_scan] initial_state: expected (1, 64, 16), got (64, 16)");
  EXPECT_EQ(message_of([](In& in) { in.u = in.u.narrow(0, 0, 5); }),
            "[selective_scan] u: expected 128 rows, got 5");
  EXPECT_EQ(message_of([](In& in) { in.b = at::Tensor(); }),
            "[selective_scan] b: expected (128, 1, 16), got no tensor");
  EXPECT_EQ(message_of([](In&) {}, {.reverse = {true, false, true}}),
            "[selective_scan] reverse: expected a number of groups that divides 64, got 3");
}

}  // namespace
}  // namespace mabert
