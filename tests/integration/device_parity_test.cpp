// One training step on a CUDA device against the same step on the CPU, in float32: loss and every gradient,
// of pretraining and of fine-tuning.
#include "support/word_tokenizer.h"

#include <algorithm>
#include <cstdlib>
#include <filesystem>

#include <ATen/Context.h>
#include <ATen/ops/div.h>
#include <ATen/ops/full.h>
#include <gtest/gtest.h>

#include "mabert/config/document.h"
#include "mabert/config/read.h"
#include "mabert/core/device.h"
#include "mabert/core/random.h"
#include "mabert/core/sequence_layout.h"
#include "mabert/nn/initialize.h"
#include "mabert/nn/masked_language_model.h"
#include "mabert/ops/masked_cross_entropy.h"
#include "mabert/train/labelled_task.h"

namespace mabert {
namespace {

struct ModelFile {
  nn::ModelOptions model;
  template <class Self, class Visitor>
  static void visit_fields(Self& self, Visitor& visit) {
    visit("model", self.model, "The encoder.");
  }
};

nn::ModelOptions preset(const std::string& name) {
  const char* moved = std::getenv("MABERT_SOURCE_DIR");
  const std::filesystem::path root = moved ? moved : MABERT_SOURCE_DIR;
  return config::read<ModelFile>(config::load(root / "configs" / "model" / (name + ".yaml"), {})).model;
}

struct StepInputs {
  std::vector<std::int64_t> lengths{128, 77, 1, 200};
  std::vector<std::int32_t> ids, rows, labels;

  explicit StepInputs(std::int64_t vocabulary) {
    std::int64_t total = 0;
    for (const std::int64_t length : lengths) total += length;
    for (std::int64_t row = 0; row < total; ++row) {
      const Philox draw = Philox::draw(5, 0, static_cast<std::uint64_t>(row));
      ids.push_back(static_cast<std::int32_t>(draw.words[0] % static_cast<std::uint64_t>(vocabulary)));
      if (draw.words[1] % 7 != 0) continue;
      rows.push_back(static_cast<std::int32_t>(row));
      labels.push_back(static_cast<std::int32_t>(draw.words[2] % static_cast<std::uint64_t>(vocabulary)));
    }
  }
};

at::Tensor on(const std::vector<std::int32_t>& values, c10::Device device) {
  return at::tensor(values, at::kInt).to(device);
}

// Loss of one step; leaves the gradients in the model.
double step(nn::MaskedLanguageModel& model, const StepInputs& inputs, c10::Device device) {
  model->to(device);
  model->zero_grad();
  const at::Tensor ids = on(inputs.ids, device);
  const auto layout = SequenceLayout::ragged(inputs.lengths).to(device);
  nn::ForwardContext context;
  context.training = true;
  const at::Tensor hidden = model->hidden(ids, at::zeros_like(ids), layout, context);
  const auto result = ops::masked_cross_entropy(model->logits(hidden, on(inputs.rows, device)),
                                                on(inputs.labels, device), model->options().vocabulary_size);
  const at::Tensor loss = result.loss_sum / static_cast<double>(inputs.rows.size());
  loss.backward();
  return loss.item<double>();
}

struct WorstGradient {
  double difference = 0;
  std::string parameter;
};

/// Relative to each gradient's own norm; a gradient that is zero up to rounding (a key bias) has none to
/// compare with.
WorstGradient compare_gradients(const torch::nn::Module& on_cpu, const torch::nn::Module& on_cuda) {
  WorstGradient worst;
  const auto got_by_name = on_cuda.named_parameters();
  for (const auto& item : on_cpu.named_parameters()) {
    const at::Tensor expected = item.value().grad(), got = got_by_name[item.key()].grad();
    if (!expected.defined()) continue;
    EXPECT_TRUE(got.defined()) << item.key();
    const double norm = expected.norm().item<double>();
    if (norm < 1e-7 || !got.defined()) continue;
    const double difference = (got.cpu() - expected).norm().item<double>() / norm;
    if (difference > worst.difference) worst = {difference, item.key()};
  }
  return worst;
}

void report(const std::string& what, double cpu_loss, double cuda_loss, const WorstGradient& worst) {
  std::printf("%s: loss %.7f on the CPU, %.7f on CUDA; worst gradient difference %.2e (%s)\n", what.c_str(),
              cpu_loss, cuda_loss, worst.difference, worst.parameter.c_str());
  EXPECT_NEAR(cuda_loss, cpu_loss, 1e-5 * cpu_loss);
  EXPECT_LT(worst.difference, 1e-3);
}

class DeviceParityTest : public testing::TestWithParam<std::string> {};

TEST_P(DeviceParityTest, OneStepInFloat32) {
  if (!at::globalContext().hasCUDA()) GTEST_SKIP() << "no CUDA device here";
  set_deterministic(true);
  const nn::ModelOptions options = preset(GetParam());
  const StepInputs inputs(options.vocabulary_size);
  nn::MaskedLanguageModel on_cpu(options), on_cuda(options);
  nn::initialize_parameters(*on_cpu, options, 3);
  nn::initialize_parameters(*on_cuda, options, 3);
  const double cpu_loss = step(on_cpu, inputs, c10::Device(c10::kCPU));
  const double cuda_loss = step(on_cuda, inputs, c10::Device(c10::kCUDA, 0));
  const WorstGradient worst = compare_gradients(*on_cpu, *on_cuda);
  report(GetParam(), cpu_loss, cuda_loss, worst);
}

/// A step of fine-tuning on pairs, dropout included, whose random numbers do not depend on the device.
double finetuning_step(train::LabelledModel& model, const data::TaskSpec& spec,
                       const std::shared_ptr<const data::LabelledSet>& set, c10::Device device) {
  model.module().to(device);
  train::LabelledTaskOptions options{.device = device, .seed = 3};
  options.batch.sequences = static_cast<std::int64_t>(set->size());
  train::LabelledTask task(model, spec, set, nullptr, options);
  const train::StepPlan plan = task.load({});
  const at::Tensor loss =
      task.forward(0, at::full({}, 7, at::TensorOptions().dtype(at::kLong).device(device))).sum /
      static_cast<double>(plan.predicted);
  loss.backward();
  return loss.item<double>();
}

TEST(FinetuningParityTest, OneStepInFloat32) {
  if (!at::globalContext().hasCUDA()) GTEST_SKIP() << "no CUDA device here";
  set_deterministic(true);
  nn::ModelOptions options = preset("mabert-tiny");
  options.dropout = 0.1;
  std::vector<data::LabelledText> rows(12);
  for (std::size_t i = 0; i < rows.size(); ++i) {
    const Philox draw = Philox::draw(9, 0, i);
    for (std::uint32_t word = 0; word < 3 + draw.words[0] % 90; ++word)
      rows[i].first += "w" + std::to_string((draw.words[1] + 7 * word) % 40) + " ";
    if (i % 3 != 0) rows[i].second = "w1 w2 w3";
    rows[i].label = static_cast<std::int32_t>(draw.words[2] % 3);
    rows[i].score = static_cast<float>(draw.words[3] % 6);
  }
  for (const data::TaskKind kind : {data::TaskKind::classification, data::TaskKind::regression}) {
    data::TaskSpec spec{.name = "toy", .title = "Toy", .kind = kind};
    if (kind == data::TaskKind::classification) spec.labels = {"a", "b", "c"};
    spec.maximum = 5;
    const auto set = std::make_shared<const data::LabelledSet>(kind, rows, WordTokenizer(), 64);
    train::LabelledModel on_cpu(spec, options, 0.1), on_cuda(spec, options, 0.1);
    nn::initialize_parameters(on_cpu.module(), options, 3);
    nn::initialize_parameters(on_cuda.module(), options, 3);
    const double cpu_loss = finetuning_step(on_cpu, spec, set, c10::Device(c10::kCPU));
    const double cuda_loss = finetuning_step(on_cuda, spec, set, c10::Device(c10::kCUDA, 0));
    report(kind == data::TaskKind::classification ? "classification" : "regression", cpu_loss, cuda_loss,
           compare_gradients(on_cpu.module(), on_cuda.module()));
  }
}

INSTANTIATE_TEST_SUITE_P(Presets, DeviceParityTest,
                         testing::Values("mabert-tiny", "mabert-tiny-alternate", "bert-tiny", "mabert-base"),
                         [](const auto& info) {
                           std::string name = info.param;
                           std::replace(name.begin(), name.end(), '-', '_');
                           return name;
                         });

}  // namespace
}  // namespace mabert
