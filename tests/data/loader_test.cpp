#include "mabert/data/loader.h"

#include "fixtures.h"

#include <set>

#include <ATen/ops/equal.h>

namespace mabert::data {
namespace {

namespace fs = std::filesystem;

bool same(const Batch& a, const Batch& b) {
  return a.samples == b.samples && a.num_predicted == b.num_predicted &&
         at::equal(a.token_ids, b.token_ids) && at::equal(a.predicted_rows, b.predicted_rows) &&
         at::equal(a.labels, b.labels) && at::equal(a.layout.offsets(), b.layout.offsets());
}

bool same(const StepBatches& a, const StepBatches& b) {
  return a.predicted_in_step == b.predicted_in_step && a.tokens_in_step == b.tokens_in_step &&
         std::equal(a.micro_batches.begin(), a.micro_batches.end(), b.micro_batches.begin(),
                    b.micro_batches.end(), [](const Batch& x, const Batch& y) { return same(x, y); });
}

class LoaderTest : public testing::Test {
 protected:
  LoaderTest() : shards_(shards_of(folder_ / "s", mixed_lengths(150))) {
    options_.samples = {.max_length = 64, .min_length = 4};
    options_.batch.tokens = 512;
    context_.seed = 9;
  }
  std::unique_ptr<MlmLoader> loader() const {
    return std::make_unique<MlmLoader>(shards_, options_, context_);
  }

  std::vector<StepBatches> steps(MlmLoader& loader, LoaderPosition from, int count) const {
    std::vector<StepBatches> all;
    for (int i = 0; i < count; ++i, from = loader.next(from)) all.push_back(loader.step(from));
    return all;
  }
  TempFolder folder_;
  std::shared_ptr<const ShardSet> shards_;
  MlmOptions options_;
  LoaderContext context_;
};

TEST_F(LoaderTest, AnEpochHasEverySampleOnce) {
  const auto l = loader();
  std::set<std::uint64_t> seen;
  std::uint64_t count = 0;
  for (std::int64_t s = 0; s < l->steps_per_epoch(1); ++s) {
    for (const Batch& batch : l->step({1, s}).micro_batches) {
      seen.insert(batch.samples.begin(), batch.samples.end());
      count += batch.samples.size();
    }
  }
  EXPECT_EQ(count, l->samples());
  EXPECT_EQ(seen.size(), l->samples());
  EXPECT_GT(l->fill(1), 0.9);
  EXPECT_LE(l->fill(1), 1.0);
}

TEST_F(LoaderTest, WorkersAndPrefetchDoNotShow) {
  options_.batch.prefetch = 0;
  const auto plain = steps(*loader(), {0, 0}, 60);
  for (const auto& [prefetch, workers] :
       {std::pair{1, 1}, std::pair{2, 1}, std::pair{5, 3}, std::pair{40, 8}}) {
    options_.batch.prefetch = prefetch;
    options_.batch.workers = workers;
    const auto ahead = steps(*loader(), {0, 0}, 60);
    for (std::size_t i = 0; i < plain.size(); ++i)
      ASSERT_TRUE(same(plain[i], ahead[i])) << prefetch << " " << i;
  }
}

TEST_F(LoaderTest, ResumesAnywhere) {
  const auto l = loader();
  const std::int64_t last = l->steps_per_epoch(0) - 1;
  const auto whole = steps(*l, {0, 0}, static_cast<int>(last) + 8);
  EXPECT_EQ(l->next({0, last}), (LoaderPosition{1, 0}));
  for (const std::int64_t start : {std::int64_t{1}, last - 1, last, last + 1}) {
    const LoaderPosition position =
        start <= last ? LoaderPosition{0, start} : LoaderPosition{1, start - last - 1};
    const auto resumed = steps(*loader(), position, 5);
    for (std::size_t i = 0; i < resumed.size(); ++i) {
      ASSERT_TRUE(same(resumed[i], whole[static_cast<std::size_t>(start) + i])) << start << " " << i;
    }
    // The same loader, sent back.
    ASSERT_TRUE(same(l->step(position), whole[static_cast<std::size_t>(start)]));
  }
  EXPECT_FALSE(same(l->step({0, 0}), l->step({1, 0})));
}

TEST_F(LoaderTest, RanksShareTheStreamOfOne) {
  options_.batch.accumulation = 6;
  const auto alone = steps(*loader(), {0, 0}, 4);
  options_.batch.accumulation = 2;
  context_.world = 3;
  for (std::int64_t rank = 0; rank < 3; ++rank) {
    context_.rank = rank;
    const auto part = steps(*loader(), {0, 0}, 4);
    for (std::size_t s = 0; s < part.size(); ++s) {
      EXPECT_EQ(part[s].predicted_in_step, alone[s].predicted_in_step);
      EXPECT_EQ(part[s].tokens_in_step, alone[s].tokens_in_step);
      ASSERT_EQ(part[s].micro_batches.size(), 2u);
      for (std::size_t k = 0; k < 2; ++k) {
        EXPECT_TRUE(
            same(part[s].micro_batches[k], alone[s].micro_batches[3 * k + static_cast<std::size_t>(rank)]));
      }
    }
  }
}

TEST_F(LoaderTest, AccumulationLeavesTheStepAsItIs) {
  options_.batch.tokens.reset();
  std::vector<std::vector<StepBatches>> runs;
  for (const int accumulation : {1, 2, 4}) {
    options_.batch.sequences = 16 / accumulation;
    options_.batch.accumulation = accumulation;
    runs.push_back(steps(*loader(), {0, 0}, 10));
  }
  for (std::size_t s = 0; s < 10; ++s) {
    std::vector<std::vector<std::uint64_t>> samples;
    for (const auto& run : runs) {
      std::int64_t predicted = 0;
      auto& list = samples.emplace_back();
      for (const Batch& batch : run[s].micro_batches) {
        predicted += batch.num_predicted;
        list.insert(list.end(), batch.samples.begin(), batch.samples.end());
      }
      EXPECT_EQ(predicted, run[s].predicted_in_step);
    }
    EXPECT_EQ(runs[0][s].predicted_in_step, runs[1][s].predicted_in_step);
    EXPECT_EQ(runs[0][s].predicted_in_step, runs[2][s].predicted_in_step);
    EXPECT_EQ(samples[0], samples[1]);
    EXPECT_EQ(samples[0], samples[2]);
  }
}

TEST_F(LoaderTest, ErrorsOfThePreparingThreadReachTheCaller) {
  // A token made bad behind the header: opening does not read it.
  const fs::path shard = folder_ / "s/shard-00001.bin";
  std::string bytes = read_text_file(shard, 1 << 26);
  bytes[48 + 10 * 2 + 1] = '\x7f';
  write_file_atomically(shard, bytes);
  shards_ = std::make_shared<const ShardSet>(folder_ / "s");
  const auto l = loader();
  int failures = 0;
  for (std::int64_t s = 0; s < l->steps_per_epoch(0); ++s) {
    try {
      l->step({0, s});
    } catch (const DataError& error) {
      ++failures;
      EXPECT_NE(std::string(error.what()).find("shard-00001.bin: document 0: token 10: id 32"),
                std::string::npos)
          << error.what();
    }
  }
  EXPECT_EQ(failures, 1);
}

TEST_F(LoaderTest, StopsWithWorkUnderWay) {
  options_.batch.prefetch = 50;
  options_.batch.workers = 4;
  for (int i = 0; i < 20; ++i) {
    const auto l = loader();
    if (i % 2 == 1) l->step({i, 0});
  }
}

TEST_F(LoaderTest, EvaluationIsTheSameForAnyNumberOfRanks) {
  const MlmEvaluation whole(shards_, options_, context_);
  std::int64_t predicted = 0;
  std::uint64_t next_sample = 0;
  for (std::int64_t i = 0; i < whole.size(); ++i) {
    const Batch batch = whole.batch(i);
    EXPECT_TRUE(same(batch, whole.batch(i)));
    predicted += batch.num_predicted;
    for (const std::uint64_t sample : batch.samples) EXPECT_EQ(sample, next_sample++);
  }
  EXPECT_EQ(predicted, whole.predicted());
  EXPECT_EQ(next_sample, loader()->samples());
  EXPECT_THROW(whole.batch(whole.size()), UsageError);
  context_.world = 3;
  std::int64_t batches = 0;
  for (context_.rank = 0; context_.rank < 3; ++context_.rank) {
    const MlmEvaluation part(shards_, options_, context_);
    batches += part.size();
    for (std::int64_t i = 0; i < part.size(); ++i)
      EXPECT_TRUE(same(part.batch(i), whole.batch(3 * i + context_.rank)));
  }
  EXPECT_EQ(batches, whole.size());
}

TEST_F(LoaderTest, SaysWhatDoesNotFit) {
  context_.vocabulary_size = 399;
  expect_error<DataError>([&] { loader(); }, {"/s: ", "399"});
  context_.vocabulary_size = 400;
  context_.max_positions = 63;
  expect_error<DataError>([&] { loader(); }, {"samples.max_length", "63", "64"});
  context_.max_positions = 64;
  const auto l = loader();
  expect_error<UsageError>([&] { l->step({0, l->steps_per_epoch(0)}); }, {"step", "epoch 0"});
  EXPECT_THROW(l->step({-1, 0}), UsageError);
  context_.rank = 1;
  EXPECT_THROW(loader(), UsageError);
  context_.rank = 0;
  options_.batch.accumulation = 10'000;
  expect_error<DataError>([&] { loader(); }, {"/s: ", "micro-batches", "10000"});
}

}  // namespace
}  // namespace mabert::data
