#include "mabert/data/mlm_batch.h"

#include "fixtures.h"

#include <map>
#include <numeric>

namespace mabert::data {
namespace {

std::vector<std::int32_t> values(const at::Tensor& tensor) {
  const auto* data = tensor.const_data_ptr<std::int32_t>();
  return {data, data + tensor.numel()};
}

// What a batch says of one sample, whatever its layout.
struct View {
  std::vector<std::int32_t> ids;
  std::map<std::int32_t, std::int32_t> labels;  // place in the sample to token
  bool operator==(const View&) const = default;
};

std::map<std::uint64_t, View> views(const Batch& batch) {
  std::map<std::uint64_t, View> result;
  const auto ids = values(batch.token_ids), rows = values(batch.predicted_rows),
             labels = values(batch.labels);
  for (std::size_t s = 0; s < batch.samples.size(); ++s) {
    View& view = result[batch.samples[s]];
    const auto begin = batch.layout.host_begin()[s], end = batch.layout.host_end()[s];
    view.ids.assign(ids.begin() + begin, ids.begin() + end);
    for (std::size_t p = 0; p < static_cast<std::size_t>(batch.num_predicted); ++p) {
      if (rows[p] >= begin && rows[p] < end) view.labels[rows[p] - begin] = labels[p];
    }
  }
  return result;
}

class MlmBatchTest : public testing::Test {
 protected:
  MlmBatchTest()
      : shards_(shards_of(folder_ / "s", mixed_lengths(100))),
        samples_(*shards_, {.max_length = 64, .min_length = 4}) {}

  Batch build(std::span<const std::uint64_t> samples, BatchLayout layout = BatchLayout::ragged,
              std::optional<BatchShape> shape = std::nullopt) const {
    return MlmBatchBuilder(*shards_, samples_, {}, layout, shape).build(samples, mask_key(1, 0));
  }
  TempFolder folder_;
  std::shared_ptr<const ShardSet> shards_;
  SampleIndex samples_;
};

TEST_F(MlmBatchTest, RowsAreTheSamples) {
  std::vector<std::uint64_t> chosen(30);
  std::iota(chosen.begin(), chosen.end(), 3);
  const Batch batch = build(chosen);
  const auto seen = views(batch);
  std::int64_t predicted = 0;
  for (const auto& [sample, view] : seen) {
    std::vector<std::int32_t> original(samples_[sample].tokens);
    shards_->document(samples_[sample].document).copy(samples_[sample].begin, original);
    ASSERT_EQ(view.ids.size(), original.size() + 2);
    EXPECT_EQ(view.ids.front(), 2);
    EXPECT_EQ(view.ids.back(), 3);
    for (std::size_t i = 0; i < original.size(); ++i) {
      const auto label = view.labels.find(static_cast<std::int32_t>(i + 1));
      if (label == view.labels.end()) {
        EXPECT_EQ(view.ids[i + 1], original[i]);
      } else {
        EXPECT_EQ(label->second, original[i]);
      }
    }
    EXPECT_FALSE(view.labels.contains(0));
    EXPECT_FALSE(view.labels.contains(static_cast<std::int32_t>(original.size() + 1)));
    predicted += masked_count(samples_[sample].tokens, {});
  }
  EXPECT_EQ(batch.num_predicted, predicted);
  EXPECT_EQ(batch.labels.size(0), predicted);
  EXPECT_TRUE(batch.layout.all_valid());
}

TEST_F(MlmBatchTest, LayoutAndNeighboursDoNotShow) {
  std::vector<std::uint64_t> chosen(40);
  std::iota(chosen.begin(), chosen.end(), 0);
  const auto together = views(build(chosen));
  EXPECT_EQ(views(build(chosen, BatchLayout::padded)), together);
  EXPECT_EQ(views(build(chosen, BatchLayout::ragged, BatchShape{4000, 120, 800, 64})), together);
  EXPECT_EQ(views(build(chosen, BatchLayout::padded, BatchShape{50 * 64, 50, 800, 64})), together);
  for (const std::uint64_t sample : chosen) {
    EXPECT_EQ(views(build(std::span(&sample, 1))).at(sample), together.at(sample));
  }
}

TEST_F(MlmBatchTest, UnusedRowsArePads) {
  const std::vector<std::uint64_t> chosen{1, 5, 9};
  for (const auto& [layout, shape] : {std::pair{BatchLayout::ragged, BatchShape{640, 40, 100, 64}},
                                      std::pair{BatchLayout::padded, BatchShape{10 * 64, 10, 100, 64}}}) {
    const Batch batch = build(chosen, layout, shape);
    EXPECT_EQ(batch.layout.rows(), 640);
    EXPECT_EQ(batch.token_ids.size(0), 640);
    EXPECT_EQ(batch.layout.capacity(), shape.sequences);
    const auto ids = values(batch.token_ids);
    const bool* valid = batch.layout.row_mask().const_data_ptr<bool>();
    std::int64_t count = 0;
    for (std::size_t i = 0; i < ids.size(); ++i) {
      EXPECT_EQ(ids[i] != 0, valid[i]);
      count += valid[i];
    }
    EXPECT_EQ(count, samples_.lengths()[1] + samples_.lengths()[5] + samples_.lengths()[9]);
    const auto labels = values(batch.labels);
    ASSERT_EQ(labels.size(), 100u);
    for (std::size_t p = 0; p < labels.size(); ++p)
      EXPECT_EQ(labels[p] >= 0, p < static_cast<std::size_t>(batch.num_predicted));
  }
}

TEST_F(MlmBatchTest, CopiesWhole) {
  const std::vector<std::uint64_t> chosen{1, 5, 9};
  const Batch batch = build(chosen), moved = batch.to(c10::kCPU);
  EXPECT_EQ(views(moved), views(batch));
  EXPECT_EQ(values(moved.segment_ids),
            std::vector<std::int32_t>(static_cast<std::size_t>(batch.layout.rows()), 0));
  EXPECT_EQ(moved.samples, chosen);
}

TEST_F(MlmBatchTest, JoinedDocumentsKeepTheirSeparators) {
  const auto shards = shards_of(folder_ / "j", std::vector<int>{5, 6, 7}, 8);
  const SampleIndex index(*shards, {.max_length = 64, .min_length = 4, .join_documents = true});
  ASSERT_EQ(index.size(), 1u);
  const std::uint64_t sample = 0;
  const Batch batch =
      MlmBatchBuilder(*shards, index, {}, BatchLayout::ragged, std::nullopt).build(std::span(&sample, 1), 1);
  const auto ids = values(batch.token_ids);
  ASSERT_EQ(ids.size(), 22u);
  for (std::size_t i = 0; i < ids.size(); ++i) {
    EXPECT_EQ(ids[i] == 3, i == 6 || i == 13 || i == 21) << i;
  }
}

TEST_F(MlmBatchTest, FixedShapesHoldEveryPlan) {
  const SampleOptions sample_options{.max_length = 64, .min_length = 4};
  for (const double rate : {0.05, 0.15, 0.6, 1.0}) {
    for (const BatchOptions& options :
         {BatchOptions{.tokens = 512, .fixed_shapes = true},
          BatchOptions{.sequences = 5, .fixed_shapes = true},
          BatchOptions{.tokens = 512, .layout = BatchLayout::padded, .fixed_shapes = true},
          BatchOptions{.sequences = 5, .layout = BatchLayout::padded, .fixed_shapes = true}}) {
      const BatchLimits limits = batch_limits(samples_.lengths(), sample_options, options, rate);
      ASSERT_TRUE(limits.shape);
      const MlmBatchBuilder builder(*shards_, samples_, {.rate = rate}, options.layout, limits.shape);
      for (std::uint64_t epoch = 0; epoch < 3; ++epoch) {
        const BatchPlan plan = make_batch_plan(samples_.lengths(), limits.budget, 1, epoch);
        for (std::uint64_t i = 0; i < plan.size(); ++i) {
          const Batch batch = builder.build(plan.micro_batch(i), 1);
          ASSERT_EQ(batch.layout.rows(), limits.shape->rows);
          ASSERT_EQ(batch.layout.capacity(), limits.shape->sequences);
          ASSERT_EQ(batch.labels.size(0), limits.shape->predicted);
          ASSERT_EQ(batch.layout.max_length(), 64);
        }
      }
    }
  }
}

TEST_F(MlmBatchTest, WrongBudgets) {
  const auto limits = [&](const BatchOptions& batch) {
    batch_limits(samples_.lengths(), {.max_length = 64}, batch, 0.15);
  };
  expect_error<UsageError>([&] { limits({}); }, {"batch", "exactly one", "neither"});
  expect_error<UsageError>([&] { limits({.tokens = 640, .sequences = 3}); }, {"exactly one", "both"});
  expect_error<UsageError>([&] { limits({.tokens = 63}); }, {"batch.tokens", "64", "63"});
}

}  // namespace
}  // namespace mabert::data
