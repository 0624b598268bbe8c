#include "mabert/train/device_batches.h"

#include "mlm_fixture.h"

#include <ATen/Context.h>
#include <ATen/ops/equal.h>

#include "mabert/core/error.h"

namespace mabert::train {
namespace {

class DeviceBatchesTest : public testing::MlmTest {
 protected:
  DeviceBatchesTest() {
    data::MlmOptions options = data_options(4, 2);
    options.batch.fixed_shapes = true;
    loader_ = std::make_shared<data::MlmLoader>(train_, options, data::LoaderContext{.seed = 1});
  }
  std::vector<data::Batch> step(std::int64_t number) { return loader_->step({0, number}).micro_batches; }

  /// Everything that a step on ragged rows reads.
  static std::vector<at::Tensor> read(const DeviceBatches& batches, std::int64_t i) {
    const data::Batch& batch = batches.batch(i);
    const SequenceLayout& layout = batch.layout;
    return {batch.token_ids,       batch.segment_ids, batch.predicted_rows, batch.labels,
            layout.offsets(),      layout.begin(),    layout.end(),         layout.position(),
            layout.sequence(),     layout.order(),    layout.row_mask(),    layout.compact_offsets(),
            batches.sample_keys(i)};
  }
  std::shared_ptr<data::MlmLoader> loader_;
};

TEST_F(DeviceBatchesTest, FixedTensorsStayAndHoldWhatWasWrittenLast) {
  for (const c10::Device device : {c10::Device(c10::kCPU), c10::Device(c10::kCUDA, 0)}) {
    if (device.is_cuda() && !at::globalContext().hasCUDA()) GTEST_SKIP() << "no CUDA device";
    DeviceBatches fixed({.device = device, .fixed = true, .sample_keys = true});
    fixed.write(step(0));
    const std::vector<at::Tensor> first = read(fixed, 1);
    for (const std::int64_t number : {1, 2, 3}) {
      DeviceBatches fresh({.device = device, .fixed = false, .sample_keys = true});
      fixed.write(step(number));
      fresh.write(step(number));
      for (const std::int64_t i : {0, 1}) {
        const auto got = read(fixed, i), expected = read(fresh, i);
        for (std::size_t part = 0; part < got.size(); ++part) {
          EXPECT_TRUE(at::equal(got[part], expected[part])) << "step " << number << " part " << part;
          if (i != 1) continue;
          EXPECT_EQ(got[part].const_data_ptr(), first[part].const_data_ptr()) << part;
        }
      }
    }
    EXPECT_FALSE(at::equal(read(fixed, 0)[0], read(fixed, 1)[0]));
  }
}

TEST_F(DeviceBatchesTest, FixedRefusesOtherBatches) {
  DeviceBatches fixed({.device = c10::kCPU, .fixed = true});
  fixed.write(step(0));
  std::vector<data::Batch> one = step(1);
  one.pop_back();
  EXPECT_THROW(fixed.write(one), UsageError);
  std::vector<data::Batch> longer = step(1);
  longer[0].labels = longer[0].labels.narrow(0, 0, 1);
  EXPECT_THROW(fixed.write(longer), UsageError);
  EXPECT_FALSE(fixed.sample_keys(0).defined());
}

}  // namespace
}  // namespace mabert::train
