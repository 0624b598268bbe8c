#include "mabert/nn/mamba_mixer.h"

#include <cmath>

#include <ATen/ops/bmm.h>
#include <ATen/ops/cat.h>
#include <ATen/ops/silu.h>
#include <ATen/ops/where.h>
#include <ATen/ops/zeros.h>

#include "mabert/ops/causal_conv1d.h"
#include "mabert/ops/linear.h"
#include "mabert/ops/selective_scan.h"

namespace mabert::nn {
namespace {

// softplus of it is 0, or (fp32 on the CPU) the smallest normal number: exp(Δ·A) is exactly 1, the state is
// held.
constexpr double kClosedStep = -1e4;

MambaDirection resolve(MambaDirection direction, std::int64_t occurrence) {
  if (direction != MambaDirection::alternate) return direction;
  return occurrence % 2 == 0 ? MambaDirection::forward : MambaDirection::backward;
}

std::vector<bool> reversed_groups(MambaDirection direction) {
  if (direction == MambaDirection::bidirectional) return {false, true};
  return {direction == MambaDirection::backward};
}

SequenceLayout one_sequence_per_row(const SequenceLayout& layout) {
  const std::vector<std::int64_t> lengths(static_cast<std::size_t>(layout.rows()), 1);
  return SequenceLayout::ragged(lengths).to(layout.device());
}

}  // namespace

std::optional<config::Problem> MambaOptions::problem_in(const MixerSettings& /*settings*/) const {
  return std::nullopt;
}

std::shared_ptr<SequenceMixer> MambaOptions::build(const MixerSettings& settings) const {
  return std::make_shared<MambaMixer>(*this, settings);
}

MambaMixer::MambaMixer(const MambaOptions& options, const MixerSettings& settings)
    : direction_(resolve(options.direction, settings.occurrence)),
      reverse_(reversed_groups(direction_)),
      saved_states_{.every = options.saved_states == SavedScanStates::every_4 ? 4 : 8,
                    .wide = options.wide_states,
                    .recompute = options.saved_states == SavedScanStates::recompute},
      inner_(options.expand * settings.width),
      state_size_(options.state_size),
      rank_(options.rank_for(settings.width)) {
  const std::int64_t channels = groups() * inner_;
  WeightsSettings no_bias, conv, step, last;
  no_bias.bias = last.bias = false;
  const double conv_bound = 1 / std::sqrt(static_cast<double>(options.conv_width));
  conv.weight_initializer = conv.bias_initializer = UniformInitializer{conv_bound};
  step.weight_initializer = UniformInitializer{1 / std::sqrt(static_cast<double>(rank_))};
  step.bias_initializer = StepBiasInitializer{};
  last.weight_initializer = NormalInitializer{.ends_residual_branch = true};

  in_proj_ = register_module("in_proj", Linear(settings.width, 2 * inner_, no_bias));
  conv1d_ = register_module("conv1d", Weights(channels, options.conv_width, conv));
  x_proj_ = register_module("x_proj", Weights(groups() * (rank_ + 2 * state_size_), inner_, no_bias));
  dt_proj_ = register_module("dt_proj", Weights(channels, rank_, step));
  a_log_ = register_parameter("A_log", at::zeros({channels, state_size_}));
  d_ = register_parameter("D", at::zeros({channels}));
  out_proj_ = register_module("out_proj", Linear(inner_, settings.width, last));
}

bool MambaMixer::can_be_causal() const { return direction_ == MambaDirection::forward; }

Initializer MambaMixer::initializer(const std::string& name) const {
  if (name == "A_log") return LogRangeInitializer{};
  return ConstantInitializer{1};  // D
}

at::Tensor MambaMixer::grouped_product(const at::Tensor& x, const at::Tensor& weight) const {
  if (groups() == 1) return ops::linear(x, weight, {}).unsqueeze(0);
  const at::Tensor rows = x.unflatten(1, {groups(), -1}).transpose(0, 1);     // (G, T, K)
  return at::bmm(rows, weight.unflatten(0, {groups(), -1}).transpose(1, 2));  // (G, T, P)
}

at::Tensor MambaMixer::mix(const at::Tensor& rows, const SequenceLayout& layout,
                           const ForwardContext& context) {
  const ForwardContext::Ablation& ablation = context.ablation;
  // With every mask on the operators select for themselves; with some off they see no padding and we select
  // outside.
  const bool outside = !layout.all_valid() && !ablation.masks_everywhere();
  const SequenceLayout inner_layout = outside ? layout.without_padding_mask() : layout;

  const auto parts = in_proj_(rows).chunk(2, 1);  // 2 × (T, E)
  const at::Tensor& gate = parts[1];
  at::Tensor x = groups() == 1 ? parts[0] : at::cat({parts[0], parts[0]}, 1);  // (T, G·E)
  if (outside && ablation.mask_conv_input) x = layout.select_valid(x);
  at::Tensor u = ops::causal_conv1d(x, to_wide(conv1d_->weight), to_wide(conv1d_->bias), inner_layout,
                                    reverse_);  // (T, G·E)
  if (outside && ablation.mask_conv_output) u = layout.select_valid(u);

  const auto selected = grouped_product(u, compute_weight(x_proj_->weight))
                            .split_with_sizes({rank_, state_size_, state_size_}, 2);
  const at::Tensor low_rank = selected[0].transpose(0, 1).flatten(1);  // (T, G·R)
  at::Tensor delta =
      grouped_product(low_rank, compute_weight(dt_proj_->weight)).transpose(0, 1).flatten(1);  // (T, G·E)
  if (outside && ablation.mask_delta) {
    delta = at::where(layout.row_mask().unsqueeze(1), delta, at::Scalar(kClosedStep));
  }

  ops::ScanInputs inputs;
  inputs.u = u;
  inputs.delta = delta;
  inputs.a = to_wide(a_log_).exp().neg();       // (G·E, N)
  inputs.b = selected[1].transpose(0, 1);       // (T, G, N)
  inputs.c = selected[2].transpose(0, 1);       // (T, G, N)
  inputs.d = to_wide(d_);                       // (G·E)
  inputs.delta_bias = to_wide(dt_proj_->bias);  // (G·E)
  if (groups() == 1) inputs.z = gate;
  const SequenceLayout scanned = ablation.reset_scan_state ? one_sequence_per_row(layout) : inner_layout;
  at::Tensor y =
      ops::selective_scan(inputs, scanned, {.reverse = reverse_, .saved = saved_states_, .last_state = false})
          .out;  // (T, G·E)
  if (groups() > 1) y = y.unflatten(1, {groups(), inner_}).sum(1) * at::silu(gate);
  return out_proj_(y);  // (T, D)
}

}  // namespace mabert::nn
