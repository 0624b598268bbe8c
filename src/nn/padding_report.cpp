#include "mabert/nn/padding_report.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>

#include <ATen/ops/empty.h>
#include <ATen/ops/index_select.h>
#include <ATen/ops/tensor.h>
#include <ATen/ops/zeros.h>
#include <torch/csrc/autograd/autograd.h>

#include "mabert/core/random.h"
#include "mabert/nn/initialize.h"

namespace mabert::nn {
namespace {

constexpr std::array kSides{PadSide::left, PadSide::right};

struct PaddedBatch {
  at::Tensor ids;  // (T) int32
  SequenceLayout layout;
};

c10::Device device_of(Encoder& encoder) { return encoder->parameters().front().device(); }

PaddedBatch ragged_batch(const TokenSequences& sequences, c10::Device device) {
  std::vector<std::int64_t> lengths;
  std::vector<std::int32_t> ids;
  for (const auto& sequence : sequences) {
    lengths.push_back(static_cast<std::int64_t>(sequence.size()));
    ids.insert(ids.end(), sequence.begin(), sequence.end());
  }
  return {at::tensor(ids, at::kInt).to(device), SequenceLayout::ragged(lengths).to(device)};
}

/// `fraction`: of the row of the longest sequence.
PaddedBatch padded_batch(const TokenSequences& sequences, double fraction, PadSide side, c10::Device device) {
  std::size_t longest = 1;
  for (const auto& sequence : sequences) longest = std::max(longest, sequence.size());
  const auto length = static_cast<std::int64_t>(std::llround(static_cast<double>(longest) / (1 - fraction)));
  const auto batch = static_cast<std::int64_t>(sequences.size());
  const at::Tensor ids = at::zeros({batch, length}, at::kInt), mask = at::zeros({batch, length}, at::kBool);
  for (std::int64_t s = 0; s < batch; ++s) {
    const auto& sequence = sequences[static_cast<std::size_t>(s)];
    const auto size = static_cast<std::int64_t>(sequence.size());
    const std::int64_t first = side == PadSide::left ? length - size : 0;
    ids.select(0, s).narrow(0, first, size).copy_(at::tensor(sequence, at::kInt));
    mask.select(0, s).narrow(0, first, size).fill_(true);
  }
  return {to_rows(ids).to(device), SequenceLayout::padded(mask).to(device)};
}

/// Hidden states of the valid rows, in the same order however the batch is laid out.
at::Tensor valid_hidden(Encoder& encoder, const PaddedBatch& batch, const ForwardContext& context) {
  const at::Tensor hidden = encoder(batch.ids, at::Tensor(), batch.layout, context);
  return batch.layout.all_valid() ? hidden : hidden.index_select(0, batch.layout.compact());
}

at::Tensor random_normal(std::int64_t rows, std::int64_t columns, std::uint64_t key) {
  const at::Tensor out = at::empty({rows, columns}, at::kFloat);
  float* values = out.mutable_data_ptr<float>();
  for (std::int64_t i = 0; i < out.numel(); ++i) {
    values[i] = static_cast<float>(normal_pair(Philox::draw(key, 1, static_cast<std::uint64_t>(i)))[0]);
  }
  return out;
}

double rms(const at::Tensor& x) { return std::sqrt(x.to(at::kDouble).square().mean().item<double>()); }

double largest_difference(const at::Tensor& a, const at::Tensor& b) {
  return (a - b).abs().max().to(at::kDouble).item<double>();
}

/// The larger, or NaN once there was one.
double worse(double worst, double value) { return std::isnan(worst) || value <= worst ? worst : value; }

struct Measured {
  at::Tensor hidden;
  std::vector<at::Tensor> gradients;
};

Measured measure(Encoder& encoder, const PaddedBatch& batch, const ForwardContext& context,
                 std::uint64_t key) {
  const at::Tensor hidden = valid_hidden(encoder, batch, context);
  const at::Tensor projection =
      random_normal(hidden.size(0), hidden.size(1), key).to(hidden.device(), hidden.scalar_type());
  const auto gradients = torch::autograd::grad({(hidden * projection).sum()}, encoder->parameters(), {},
                                               /*retain_graph=*/std::nullopt, /*create_graph=*/false,
                                               /*allow_unused=*/true);
  return {hidden.detach(), gradients};
}

void compare_gradients(Encoder& encoder, const Measured& run, const Measured& reference,
                       PaddingDifference& result) {
  const auto named = encoder->named_parameters();
  for (std::size_t i = 0; i < named.size(); ++i) {
    if (!reference.gradients[i].defined()) continue;
    const double gradient_rms = rms(reference.gradients[i]), scale = gradient_rms > 0 ? gradient_rms : 1.0;
    const double difference = largest_difference(run.gradients[i], reference.gradients[i]) / scale;
    result.gradient_l2 = worse(result.gradient_l2, rms(run.gradients[i] - reference.gradients[i]) / scale);
    if (worse(result.gradient, difference) == result.gradient) continue;
    if (std::isnan(result.gradient)) break;
    result.gradient = difference;
    result.worst_parameter = named[i].key();
  }
}

template <class Member>
double worst_of(const std::vector<PaddingDifference>& cases, Member member) {
  double worst = 0;
  for (const PaddingDifference& difference : cases) worst = worse(worst, difference.*member);
  return worst;
}

}  // namespace

double PaddingReport::worst_hidden() const { return worst_of(cases, &PaddingDifference::hidden); }
double PaddingReport::worst_gradient() const { return worst_of(cases, &PaddingDifference::gradient); }

double PaddingReport::worst_gradient_l2() const { return worst_of(cases, &PaddingDifference::gradient_l2); }

PaddingReport padding_report(Encoder& encoder, const TokenSequences& sequences, std::uint64_t seed) {
  const c10::Device device = device_of(encoder);
  const Measured reference = measure(encoder, ragged_batch(sequences, device), {}, seed);
  PaddingReport report{.hidden_rms = rms(reference.hidden)};
  const std::array<std::optional<double>, 3> fills{std::nullopt, std::numeric_limits<double>::quiet_NaN(),
                                                   1e30};
  for (const PadSide side : kSides) {
    for (const double fraction : {0.0, 0.5, 0.9}) {
      const PaddedBatch batch = padded_batch(sequences, fraction, side, device);
      for (const auto& fill : fills) {
        ForwardContext context;
        context.pad_fill = fill;
        const Measured run = measure(encoder, batch, context, seed);
        PaddingDifference result{.side = side, .padded_fraction = fraction, .fill = fill};
        result.hidden = largest_difference(run.hidden, reference.hidden) / report.hidden_rms;
        compare_gradients(encoder, run, reference, result);
        report.cases.push_back(result);
      }
    }
  }
  return report;
}

std::vector<MaskingCase> masking_table(Encoder& encoder, const TokenSequences& sequences) {
  const at::NoGradGuard no_grad;
  const c10::Device device = device_of(encoder);
  const at::Tensor reference = valid_hidden(encoder, ragged_batch(sequences, device), {});
  const double scale = rms(reference);
  std::vector<MaskingCase> table;
  for (const PadSide side : kSides) {
    const PaddedBatch half = padded_batch(sequences, 0.5, side, device);
    const PaddedBatch most = padded_batch(sequences, 0.9, side, device);
    for (int masks = 15; masks >= 0; --masks) {
      MaskingCase entry{.conv_input = (masks & 8) != 0,
                        .conv_output = (masks & 4) != 0,
                        .delta = (masks & 2) != 0,
                        .output = (masks & 1) != 0,
                        .side = side};
      ForwardContext context;
      context.ablation.mask_conv_input = entry.conv_input;
      context.ablation.mask_conv_output = entry.conv_output;
      context.ablation.mask_delta = entry.delta;
      context.ablation.mask_output = entry.output;
      context.pad_fill = -3.0;
      const at::Tensor other = valid_hidden(encoder, half, context);
      context.pad_fill = 1.0;
      const at::Tensor hidden = valid_hidden(encoder, half, context);
      entry.content = largest_difference(hidden, other) / scale;
      entry.amount = worse(largest_difference(hidden, reference),
                           largest_difference(valid_hidden(encoder, most, context), reference)) /
                     scale;
      table.push_back(entry);
    }
  }
  return table;
}

Encoder random_mamba_encoder(MambaDirection direction, std::uint64_t seed) {
  ModelOptions options;
  options.vocabulary_size = 64;
  options.width = 32;
  options.num_layers = 3;
  options.layer_pattern = {"mamba"};
  options.blocks = {
      {"mamba", LayerOptions{MixerOptions{MambaOptions{.direction = direction}}, std::nullopt}}};
  options.positions.max_length = 1024;
  options.initializer_range = 1 / std::sqrt(static_cast<double>(options.width));
  Encoder encoder(options);
  initialize_parameters(*encoder, options, seed);

  const at::NoGradGuard no_grad;
  const std::vector<std::int64_t> lengths{64};
  const SequenceLayout layout = SequenceLayout::ragged(lengths);
  auto parameters = encoder->named_parameters();
  for (std::int64_t i = 0; i < options.num_layers; ++i) {
    const at::Tensor rows =
        random_normal(layout.rows(), options.width, derive_key(seed, static_cast<std::uint64_t>(i)));
    const double scale = rms(encoder->layer(i).mixer().forward(rows, layout, {}));
    parameters["layers." + std::to_string(i) + ".mixer.out_proj.weight"].div_(scale);
  }
  return encoder;
}

TokenSequences random_sequences(std::int64_t count, std::int64_t longest, std::int64_t vocabulary_size,
                                std::uint64_t seed) {
  TokenSequences sequences(static_cast<std::size_t>(count));
  const auto draw = [&](std::size_t s, std::uint64_t i, std::int64_t bound) {
    return static_cast<std::int64_t>(Philox::draw(seed, s, i).word64(0) % static_cast<std::uint64_t>(bound));
  };
  for (std::size_t s = 0; s < sequences.size(); ++s) {
    const std::int64_t length = s == 0 ? longest : 1 + draw(s, 0, longest);
    for (std::int64_t i = 1; i <= length; ++i) {
      sequences[s].push_back(
          static_cast<std::int32_t>(draw(s, static_cast<std::uint64_t>(i), vocabulary_size)));
    }
  }
  return sequences;
}

}  // namespace mabert::nn
