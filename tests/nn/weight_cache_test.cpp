#include "models.h"

#include <ATen/Context.h>
#include <ATen/ops/equal.h>
#include <gtest/gtest.h>

#include "mabert/nn/masked_language_model.h"
#include "mabert/nn/module_base.h"

namespace mabert::nn {
namespace {

ModelOptions options() {
  ModelOptions options = testing::small_options();
  options.vocabulary_size = 50;  // padded to 64 for the decoder
  return options;
}

/// The parts of a model that compute in half precision on the CPU: matrix products, norms, padding.
class WeightCacheTest : public ::testing::Test {
 protected:
  WeightCacheTest() {
    testing::randomize(*head_, options(), 3);
    set_compute_dtype(*head_, at::kBFloat16);
  }
  at::Tensor out() { return head_(rows_, tokens_); }
  at::Tensor out_without_gradients() {
    const c10::NoGradGuard no_grad;
    return out();
  }

  LanguageModelHead head_{options()};
  at::Tensor rows_ = at::randn({7, 16}), tokens_ = at::randn({50, 16});
};

TEST_F(WeightCacheTest, GivesTheSameBits) {
  const at::Tensor plain = out_without_gradients();
  cache_compute_weights(*head_, true);
  for (int pass = 0; pass < 3; ++pass) EXPECT_TRUE(at::equal(out_without_gradients(), plain)) << pass;
  EXPECT_EQ(plain.scalar_type(), at::kBFloat16);
  EXPECT_EQ(plain.size(1), 64);
}

TEST_F(WeightCacheTest, KeepsEveryWeightUntilItIsCleared) {
  for (at::Tensor& parameter : head_->parameters()) {
    cache_compute_weights(*head_, true);
    const at::Tensor before = out_without_gradients();
    {
      const c10::NoGradGuard no_grad;
      parameter.add_(at::randn_like(parameter));
    }
    EXPECT_TRUE(at::equal(out_without_gradients(), before)) << parameter.sizes();
    cache_compute_weights(*head_, true);
    const at::Tensor after = out_without_gradients();
    EXPECT_FALSE(at::equal(after, before)) << parameter.sizes();
    cache_compute_weights(*head_, false);
    EXPECT_TRUE(at::equal(out_without_gradients(), after)) << parameter.sizes();
  }
}

TEST_F(WeightCacheTest, IsNotUsedWhereGradientsAreRecorded) {
  cache_compute_weights(*head_, true);
  const at::Tensor before = out_without_gradients();
  {
    const c10::NoGradGuard no_grad;
    for (at::Tensor& parameter : head_->parameters()) parameter.mul_(2);
  }
  const at::Tensor trained = out();
  EXPECT_FALSE(at::equal(trained, before));
  trained.sum().backward();
  for (const auto& item : head_->named_parameters()) EXPECT_TRUE(item.value().grad().defined()) << item.key();
}

TEST(WeightCacheModelTest, WholeModelGivesTheSameBits) {
  for (const c10::Device device : {c10::Device(c10::kCPU), c10::Device(c10::kCUDA, 0)}) {
    if (device.is_cuda() && !at::globalContext().hasCUDA()) GTEST_SKIP() << "no CUDA device";
    MaskedLanguageModel model(options());
    testing::randomize(*model, options(), 4);
    model->to(device);
    if (device.is_cuda()) set_compute_dtype(*model, at::kBFloat16);
    const c10::NoGradGuard no_grad;
    const std::vector<std::int64_t> lengths{5, 9, 1};
    const SequenceLayout layout = SequenceLayout::ragged(lengths).to(device);
    const auto ints = at::TensorOptions().dtype(at::kInt).device(device);
    const at::Tensor ids = at::randint(50, {15}, ints), rows = at::randint(15, {4}, ints);
    const auto out = [&] { return model->logits(model->hidden(ids, {}, layout, {}), rows); };
    const at::Tensor plain = out();
    cache_compute_weights(*model, true);
    out();
    EXPECT_TRUE(at::equal(out(), plain)) << device;
  }
}

}  // namespace
}  // namespace mabert::nn
