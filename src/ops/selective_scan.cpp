#include "mabert/ops/selective_scan.h"

#include "check.h"
#include "selective_scan_operators.h"

namespace mabert::ops {
namespace {

constexpr std::int64_t kMaxStateSize = 64;

void check_inputs(const ScanInputs& in, const SequenceLayout& layout, const ScanOptions& options) {
  const ArgumentCheck check("selective_scan");
  check.dimensions("u", in.u, 2, "(T, E)");
  check.floating("u", in.u);
  check.layout(layout, "u", in.u);
  const std::int64_t rows = in.u.size(0), channels = in.u.size(1);
  const std::int64_t groups = static_cast<std::int64_t>(options.reverse.size());
  check.that(groups > 0 && channels % groups == 0, "reverse",
             "a number of groups that divides " + std::to_string(channels), std::to_string(groups));
  check.dimensions("a", in.a, 2, "(E, N)");
  const std::int64_t state_size = in.a.size(1);
  check.that(state_size >= 1 && state_size <= kMaxStateSize, "a", "a state size of 1 to 64",
             std::to_string(state_size));

  const at::ScalarType type = in.u.scalar_type(), sums = accumulate_type(in.u);
  const auto require = [&](const char* name, const at::Tensor& tensor, at::IntArrayRef shape,
                           at::ScalarType dtype) {
    check.shape(name, tensor, shape);
    check.dtype(name, tensor, dtype);
    check.device(name, tensor, in.u.device());
  };
  require("delta", in.delta, {rows, channels}, type);
  require("a", in.a, {channels, state_size}, sums);
  require("b", in.b, {rows, groups, state_size}, type);
  require("c", in.c, {rows, groups, state_size}, type);
  if (in.d) require("d", *in.d, {channels}, sums);
  if (in.z) require("z", *in.z, {rows, channels}, type);
  if (in.delta_bias) require("delta_bias", *in.delta_bias, {channels}, sums);
  check.that(options.saved.every == 4 || options.saved.every == 8, "saved.every", "4 or 8",
             std::to_string(options.saved.every));
  if (in.initial_state)
    require("initial_state", *in.initial_state, {layout.capacity(), channels, state_size}, sums);
}

}  // namespace

ScanOutput selective_scan(const ScanInputs& in, const SequenceLayout& layout, const ScanOptions& options) {
  check_inputs(in, layout, options);
  static const auto op = find_operator<SelectiveScanSignature>("mabert::selective_scan");
  const std::vector<at::Tensor> tensors = layout_tensors(layout);
  const std::int64_t reverse = reverse_bits(ArgumentCheck("selective_scan"), options.reverse);
  const bool saves = !options.saved.recompute && any_requires_grad({in.u, in.delta, in.a, in.b, in.c, in.d,
                                                                    in.z, in.delta_bias, in.initial_state});
  auto [out, states, last_state] = op.call(
      in.u, in.delta, in.a, in.b, in.c, in.d, in.z, in.delta_bias, in.initial_state, tensors,
      layout.max_length(), reverse, saves ? options.saved.every : 0, options.saved.wide, options.last_state);
  return {.out = out, .last_state = last_state};
}

}  // namespace mabert::ops
