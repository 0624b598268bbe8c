#include "mabert/train/labelled_model.h"

#include "labelled_fixture.h"

#include <algorithm>

#include <ATen/ops/allclose.h>

#include "mabert/core/error.h"
#include "mabert/nn/masked_language_model.h"
#include "mabert/train/checkpoint_export.h"
#include "mabert/train/module_state.h"

namespace mabert::train {
namespace {

using Names = std::vector<std::string>;

class LabelledModelTest : public testing::LabelledTest {
 protected:
  Checkpoint save(const torch::nn::Module& module, const std::string& name) const {
    save_checkpoint(directory_ / name, {module_parameters(module), {}, "{}", "a: 1\n", "tok"});
    return Checkpoint(directory_ / name);
  }
  static at::Tensor parameter(const torch::nn::Module& module, const std::string& name) {
    return module.named_parameters()[name];
  }
  /// Names whose tensors are the same in both.
  static Names equal(const torch::nn::Module& a, const torch::nn::Module& b) {
    Names names;
    const auto other = b.named_parameters();
    for (const auto& item : a.named_parameters()) {
      const at::Tensor* found = other.find(item.key());
      if (found != nullptr && at::equal(item.value(), *found)) names.push_back(item.key());
    }
    return names;
  }
  static std::size_t encoder_size(const torch::nn::Module& module) {
    const NamedTensors all = module_parameters(module);
    return static_cast<std::size_t>(std::count_if(
        all.begin(), all.end(), [](const NamedTensor& item) { return item.name.starts_with("encoder."); }));
  }
  static bool has(const Names& names, const std::string& name) {
    return std::find(names.begin(), names.end(), name) != names.end();
  }
};

TEST_F(LabelledModelTest, StartsFromAPretrainedModelsEncoder) {
  nn::MaskedLanguageModel pretrained(testing::tiny_options());
  nn::initialize_parameters(*pretrained, testing::tiny_options(), 7);
  {
    const c10::NoGradGuard no_grad;  // so that nothing starts the same everywhere
    for (at::Tensor& p : pretrained->parameters()) p.add_(0.25);
  }
  const Checkpoint checkpoint = save(*pretrained, "mlm");
  LabelledModel classes = make_model(spec(TaskKind::classification)),
                words = make_model(spec(TaskKind::tokens));
  EXPECT_EQ(start_from(checkpoint, classes.module()),
            (Names{"pooling.score.weight", "classifier.weight", "classifier.bias"}));
  EXPECT_EQ(start_from(checkpoint, words.module()), (Names{"classifier.weight", "classifier.bias"}));
  for (const LabelledModel* model : {&classes, &words}) {
    const Names same = equal(model->module(), *pretrained);
    EXPECT_EQ(same.size(), encoder_size(*pretrained));
    EXPECT_GT(same.size(), 10u);
  }
}

TEST_F(LabelledModelTest, StartsFromAnotherTasksModel) {
  const data::TaskSpec task = spec(TaskKind::classification);
  data::TaskSpec pair = task;
  pair.labels = {"no", "yes"};
  LabelledModel source = make_model(task, 0.0, 5);
  {
    const c10::NoGradGuard no_grad;
    for (at::Tensor& p : source.module().parameters()) p.add_(0.25);
  }
  const Checkpoint checkpoint = save(source.module(), "three");
  LabelledModel same = make_model(task), fewer = make_model(pair),
                number = make_model(spec(TaskKind::regression));
  EXPECT_EQ(start_from(checkpoint, same.module()), Names{});
  EXPECT_EQ(start_from(checkpoint, same.module(), /*with_classifier=*/false),
            (Names{"classifier.weight", "classifier.bias"}));
  EXPECT_EQ(equal(same.module(), source.module()).size(), source.module().parameters().size());
  const Names head{"classifier.weight", "classifier.bias"};
  for (LabelledModel* model : {&fewer, &number}) {
    EXPECT_EQ(start_from(checkpoint, model->module()), head);
    const Names equal_now = equal(model->module(), source.module());
    EXPECT_EQ(equal_now.size(), encoder_size(source.module()) + 1);
    EXPECT_TRUE(has(equal_now, "pooling.score.weight"));
  }
}

TEST_F(LabelledModelTest, AnotherEncoderIsRefusedAndNothingCopied) {
  LabelledModel source = make_model(spec(TaskKind::classification), 0.0, 5);
  const Checkpoint checkpoint = save(source.module(), "source");
  const auto rejected = [&](const nn::ModelOptions& options, const std::string& part) {
    LabelledModel model(spec(TaskKind::classification), options, 0.0);
    nn::initialize_parameters(model.module(), options, 1);
    const at::Tensor before = parameter(model.module(), "classifier.weight").clone();
    try {
      start_from(checkpoint, model.module());
      ADD_FAILURE() << "expected a CheckpointError: " << part;
    } catch (const CheckpointError& error) {
      EXPECT_NE(std::string(error.what()).find(part), std::string::npos) << error.what();
    }
    EXPECT_TRUE(at::equal(parameter(model.module(), "classifier.weight"), before));
  };
  nn::ModelOptions longer = testing::tiny_options(), deeper = longer, shallower = longer;
  longer.positions.max_length = 32;
  rejected(longer, "expected [32, 32], got [16, 32]");
  deeper.num_layers = 3;
  rejected(deeper, "got none");
  shallower.num_layers = 1;
  rejected(shallower, "no place");
}

TEST_F(LabelledModelTest, LoadsWeightsOfHalfTheSize) {
  const data::TaskSpec task = spec(TaskKind::classification);
  LabelledModel source = make_model(task, 0.0, 5);
  const Checkpoint full = save(source.module(), "full");
  const auto set = make_set(TaskKind::classification, 0, 12);
  const Predictions expected = predict(source, task, *set, batch(4), c10::kCPU);
  for (const auto dtype : {at::kBFloat16, at::kHalf}) {
    const auto place = directory_ / c10::toString(dtype);
    export_checkpoint(full, place, dtype);
    LabelledModel loaded = make_model(task), started = make_model(task);
    load_weights(Checkpoint(place), loaded.module());
    EXPECT_EQ(start_from(Checkpoint(place), started.module()), Names{});
    for (const auto& item : source.module().named_parameters()) {
      const at::Tensor rounded = item.value().to(dtype).to(at::kFloat);
      EXPECT_TRUE(at::equal(parameter(loaded.module(), item.key()), rounded)) << item.key();
      EXPECT_TRUE(at::equal(parameter(started.module(), item.key()), rounded)) << item.key();
    }
    const Predictions got = predict(loaded, task, *set, batch(4), c10::kCPU);
    for (std::size_t i = 0; i < got.values.size(); ++i) EXPECT_NEAR(got.values[i], expected.values[i], 0.02);
  }
}

TEST_F(LabelledModelTest, WantsATaskThatMakesSense) {
  data::TaskSpec none = spec(TaskKind::classification), flat = spec(TaskKind::regression);
  none.labels.clear();
  flat.minimum = flat.maximum;
  EXPECT_THROW(make_model(none), UsageError);
  EXPECT_THROW(make_model(flat), UsageError);
  EXPECT_TRUE(make_model(spec(TaskKind::tokens), 0.1).has_dropout());
  EXPECT_FALSE(make_model(spec(TaskKind::tokens)).has_dropout());
  EXPECT_TRUE(LabelledModel(spec(TaskKind::tokens), testing::tiny_options(), 0.1).has_dropout());
}

}  // namespace
}  // namespace mabert::train
