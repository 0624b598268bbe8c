#include "nn/models.h"

#include <limits>
#include <memory>

#include <gtest/gtest.h>

#include "mabert/nn/sequence_mixer.h"

namespace mabert::nn {
namespace {

using namespace testing;

constexpr std::int64_t kWidth = 24;
const std::vector<std::int64_t> kLengths{7, 12, 1, 0, 9};
constexpr std::int64_t kColumns = 20;

struct MixerCase {
  const char* name;
  MixerOptions options;
  MixerSettings settings{.width = kWidth};
};

MixerOptions mamba(MambaDirection direction) {
  return {MambaOptions{.state_size = 4, .direction = direction}};
}
MixerOptions attention() { return {AttentionOptions{.heads = 3}}; }

std::vector<MixerCase> mixer_cases() {
  const MixerSettings plain{.width = kWidth}, rotary{.width = kWidth, .rotary_base = 100.0};
  const MixerSettings second{.width = kWidth, .occurrence = 1};
  return {
      {"Attention", attention(), plain},
      {"AttentionRotary", attention(), rotary},
      {"AttentionCausal", {AttentionOptions{.heads = 3, .causal = true}}, plain},
      {"AttentionWindow", {AttentionOptions{.heads = 3, .window_left = 3, .window_right = 2}}, plain},
      {"MambaForward", mamba(MambaDirection::forward), plain},
      {"MambaBackward", mamba(MambaDirection::backward), plain},
      {"MambaAlternateFirst", mamba(MambaDirection::alternate), plain},
      {"MambaAlternateSecond", mamba(MambaDirection::alternate), second},
      {"MambaBidirectional", mamba(MambaDirection::bidirectional), plain},
      {"ParallelMean",
       {ParallelOptions{{attention(), mamba(MambaDirection::bidirectional)}, Aggregator::mean}},
       plain},
      {"ParallelSum",
       {ParallelOptions{{mamba(MambaDirection::backward), attention()}, Aggregator::sum}},
       rotary},
  };
}

struct Result {
  at::Tensor out, input_gradient;
  std::map<std::string, at::Tensor> gradients;
};

class MixerContractTest : public ::testing::TestWithParam<MixerCase> {
 protected:
  void SetUp() override {
    mixer_ = build();
    ModelOptions options;
    options.initializer_range = 1 / std::sqrt(static_cast<double>(kWidth));
    randomize(*mixer_, options, 11);
    const SequenceLayout layout = SequenceLayout::ragged(kLengths);
    rows_ = at::randn({layout.rows(), kWidth});
    out_gradient_ = at::randn({layout.rows(), kWidth});
    // An output RMS of about 1, or the tolerances below would mean nothing.
    const at::NoGradGuard no_grad;
    const double scale = rms(mixer_->forward(rows_, layout, {}));
    for (auto& item : mixer_->named_parameters()) {
      if (item.key().find("out_proj") != std::string::npos) item.value().div_(scale);
    }
  }

  static std::shared_ptr<SequenceMixer> build() { return GetParam().options.build(GetParam().settings); }

  /// One pass with the valid rows of `layout` holding `rows` and the others `fill`, gradients alike.
  Result run(const SequenceLayout& layout, double fill, const ForwardContext& context = {}) const {
    at::Tensor x = scatter(rows_, layout, fill).requires_grad_();
    const at::Tensor out = mixer_->forward(x, layout, context);
    out.backward(scatter(out_gradient_, layout, fill));
    return {out.detach(), x.grad(), take_gradients(*mixer_)};
  }

  static at::Tensor scatter(const at::Tensor& rows, const SequenceLayout& layout, double fill) {
    if (layout.all_valid()) return rows.clone();
    at::Tensor all = at::full({layout.rows(), kWidth}, fill);
    all.index_copy_(0, layout.compact().to(at::kLong), rows);
    return all;
  }

  static at::Tensor valid(const at::Tensor& x, const SequenceLayout& layout) {
    return layout.all_valid() ? x : x.index_select(0, layout.compact());
  }
  static at::Tensor invalid(const at::Tensor& x, const SequenceLayout& layout) {
    return x.index({layout.row_mask().logical_not()});
  }

  std::shared_ptr<SequenceMixer> mixer_;
  at::Tensor rows_, out_gradient_;
};

TEST_P(MixerContractTest, KeepsShapeAndScale) {
  const SequenceLayout layout = SequenceLayout::ragged(kLengths);
  const at::Tensor out = mixer_->forward(rows_, layout, {});
  EXPECT_EQ(out.sizes(), rows_.sizes());
  EXPECT_EQ(out.scalar_type(), at::kFloat);
  EXPECT_NEAR(rms(out), 1, 1e-3);
}

TEST_P(MixerContractTest, ContentOfInvalidRowsIsNeverUsed) {
  std::vector<SequenceLayout> layouts;
  for (const Pads pads : {Pads::left, Pads::right, Pads::holes}) {
    layouts.push_back(SequenceLayout::padded(pad_mask(kLengths, kColumns, pads)));
  }
  layouts.push_back(SequenceLayout::ragged(kLengths, {.rows = 50, .max_length = 16}));  // slack
  for (const SequenceLayout& layout : layouts) {
    const Result zeros = run(layout, 0);
    for (const double fill : {std::numeric_limits<double>::quiet_NaN(), 1e30}) {
      const Result filled = run(layout, fill);
      EXPECT_TRUE(same_bits(filled.out, zeros.out));
      EXPECT_TRUE(same_bits(filled.input_gradient, zeros.input_gradient));
      EXPECT_EQ(filled.gradients.size(), zeros.gradients.size());
      for (const auto& [name, gradient] : zeros.gradients) {
        EXPECT_TRUE(same_bits(filled.gradients.at(name), gradient)) << name << " with " << fill;
      }
      for (const at::Tensor& x : {invalid(filled.out, layout), invalid(filled.input_gradient, layout)}) {
        EXPECT_EQ(x.count_nonzero().item<std::int64_t>(), 0);
      }
    }
  }
}

TEST_P(MixerContractTest, AmountAndSideOfPaddingDoNotMatter) {
  const Result reference = run(SequenceLayout::ragged(kLengths), 0);
  for (const Pads pads : {Pads::left, Pads::right}) {
    for (const std::int64_t columns : {12, 20, 120}) {
      const SequenceLayout layout = SequenceLayout::padded(pad_mask(kLengths, columns, pads));
      const Result padded = run(layout, 0);
      EXPECT_LE(difference(valid(padded.out, layout), reference.out), 1e-5);
      EXPECT_LE(difference(valid(padded.input_gradient, layout), reference.input_gradient),
                1e-5 * std::max(1.0, rms(reference.input_gradient)));
      for (const auto& [name, gradient] : reference.gradients) {
        EXPECT_LE(difference(padded.gradients.at(name), gradient), 1e-5 * std::max(1.0, rms(gradient)))
            << name;
      }
    }
  }
}

TEST_P(MixerContractTest, SequencesDoNotSeeTheirNeighbours) {
  const SequenceLayout layout = SequenceLayout::ragged(kLengths);
  const at::Tensor out = mixer_->forward(rows_, layout, {});
  at::Tensor changed = rows_.clone();
  changed.narrow(0, 7, 12).fill_(std::numeric_limits<double>::quiet_NaN());  // the second sequence
  const at::Tensor other = mixer_->forward(changed, layout, {});
  EXPECT_LE(difference(out.narrow(0, 0, 7), other.narrow(0, 0, 7)), 1e-6);
  EXPECT_LE(difference(out.narrow(0, 19, 10), other.narrow(0, 19, 10)), 1e-6);

  // Nor does a gradient that reaches one sequence go on to another.
  const at::Tensor x = rows_.detach().clone().requires_grad_();
  mixer_->forward(x, layout, {}).narrow(0, 7, 12).square().sum().backward();
  EXPECT_GT(x.grad().narrow(0, 7, 12).abs().max().item<double>(), 0);
  EXPECT_EQ(x.grad().narrow(0, 0, 7).abs().max().item<double>(), 0);
  EXPECT_EQ(x.grad().narrow(0, 19, 10).abs().max().item<double>(), 0);
}

TEST_P(MixerContractTest, OrderOfSequencesDoesNotMatter) {
  const at::Tensor out = mixer_->forward(rows_, SequenceLayout::ragged(kLengths), {});
  const std::vector<std::int64_t> lengths{9, 0, 12, 1, 7};
  const auto reordered = [](const at::Tensor& x) {
    return at::cat({x.narrow(0, 20, 9), x.narrow(0, 7, 12), x.narrow(0, 19, 1), x.narrow(0, 0, 7)});
  };
  const at::Tensor other = mixer_->forward(reordered(rows_), SequenceLayout::ragged(lengths), {});
  EXPECT_LE(difference(reordered(out), other), 1e-6);
}

TEST_P(MixerContractTest, ParametersAreTheWholeState) {
  const auto other = build();
  copy_parameters(*mixer_, *other);
  const SequenceLayout layout = SequenceLayout::ragged(kLengths);
  EXPECT_TRUE(same_bits(mixer_->forward(rows_, layout, {}), other->forward(rows_, layout, {})));
  EXPECT_EQ(mixer_->named_buffers().size(), 0u);
}

TEST_P(MixerContractTest, RepeatsBitForBit) {
  const SequenceLayout layout = SequenceLayout::padded(pad_mask(kLengths, kColumns, Pads::left));
  const Result first = run(layout, 0), second = run(layout, 0);
  EXPECT_TRUE(same_bits(first.out, second.out));
  EXPECT_TRUE(same_bits(first.input_gradient, second.input_gradient));
  for (const auto& [name, gradient] : first.gradients)
    EXPECT_TRUE(same_bits(second.gradients.at(name), gradient)) << name;
}

TEST_P(MixerContractTest, EveryParameterHasAGradient) {
  const Result result = run(SequenceLayout::ragged(kLengths), 0);
  EXPECT_EQ(result.gradients.size(), mixer_->parameters().size());
  for (const auto& [name, gradient] : result.gradients) EXPECT_GT(rms(gradient), 1e-6) << name;
}

TEST_P(MixerContractTest, WithoutMaskTheResultChanges) {
  // Proves that the tests above can fail: the same rows with the padding taken for tokens.
  const Result reference = run(SequenceLayout::ragged(kLengths), 0);
  double largest = 0;
  for (const Pads pads : {Pads::left, Pads::right}) {
    const SequenceLayout layout = SequenceLayout::padded(pad_mask(kLengths, kColumns, pads));
    const at::Tensor x = scatter(rows_, layout, 1);
    const at::Tensor out = mixer_->forward(x, layout.without_padding_mask(), {});
    largest = std::max(largest, difference(valid(out, layout), reference.out));
  }
  EXPECT_GT(largest, 1e-2);
}

INSTANTIATE_TEST_SUITE_P(Mixers, MixerContractTest, ::testing::ValuesIn(mixer_cases()),
                         [](const auto& info) { return std::string(info.param.name); });

}  // namespace
}  // namespace mabert::nn
