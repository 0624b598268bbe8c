#include "mabert/data/labelled_batches.h"

#include "fixtures.h"

#include <algorithm>
#include <cmath>
#include <set>

namespace mabert::data {
namespace {

using Ids = std::vector<std::int32_t>;

Ids values(const at::Tensor& tensor) {
  const auto* data = tensor.const_data_ptr<std::int32_t>();
  return {data, data + tensor.numel()};
}

// Words of so many sentences of various lengths, half of them pairs.
std::vector<LabelledText> invented_rows(std::size_t count) {
  std::vector<LabelledText> rows;
  std::uint64_t draw = 0;
  const auto sentence = [&](std::uint64_t words) {
    std::string text;
    for (; words > 0; --words)
      text += (text.empty() ? "balo" : " mi") + std::to_string(random_below(9, 5, draw++));
    return text;
  };
  for (std::size_t i = 0; i < count; ++i) {
    LabelledText row{
        .first = sentence(1 + i % 12), .label = static_cast<std::int32_t>(i % 3), .score = 0.5f * i};
    if (i % 2 == 1) row.second = sentence(1 + i % 5);
    row.id = std::to_string(i);
    rows.push_back(row);
  }
  return rows;
}

std::shared_ptr<const LabelledSet> invented_set(std::size_t count, TaskKind kind = TaskKind::classification) {
  return std::make_shared<const LabelledSet>(kind, invented_rows(count), small_tokenizer(), 48);
}

// Expects that the batch's rows are its examples.
void expect_examples(const LabelledBatch& batch, const LabelledSet& set) {
  const Ids ids = values(batch.token_ids), segments = values(batch.segment_ids);
  std::vector<bool> seen(ids.size(), false);
  for (std::size_t s = 0; s < batch.examples.size(); ++s) {
    const Example example = set[batch.examples[s]];
    const auto begin = batch.layout.host_begin()[s], end = batch.layout.host_end()[s];
    ASSERT_EQ(end - begin, static_cast<std::int32_t>(example.ids.size()));
    for (std::int32_t row = begin; row < end; ++row) {
      const auto at = static_cast<std::size_t>(row);
      seen[at] = true;
      EXPECT_EQ(ids[at], example.ids[static_cast<std::size_t>(row - begin)]);
      EXPECT_EQ(segments[at], row - begin < example.second_begin ? 0 : 1);
    }
  }
  for (std::size_t row = 0; row < ids.size(); ++row) {
    if (!seen[row]) {
      EXPECT_EQ(ids[row] + segments[row], 0);
    }
  }
}

TEST(LabelledBatchesTest, RaggedRows) {
  const auto set = invented_set(10);
  const std::vector<std::uint64_t> chosen{3, 0, 7};
  const LabelledBatch batch = make_labelled_batch(*set, chosen, BatchLayout::ragged);
  expect_examples(batch, *set);
  EXPECT_TRUE(batch.layout.all_valid());
  EXPECT_EQ(batch.layout.num_sequences(), 3);
  EXPECT_EQ(batch.examples, chosen);
  EXPECT_EQ(values(batch.labels), (Ids{0, 0, 1}));
  EXPECT_EQ(batch.labels.size(0), batch.layout.capacity());
  EXPECT_EQ(batch.predicted, 3);
  EXPECT_FALSE(batch.scores.defined());
  EXPECT_FALSE(batch.word_rows.defined());
}

TEST(LabelledBatchesTest, PaddedRows) {
  const auto set = invented_set(10);
  const std::vector<std::uint64_t> chosen{1, 9, 4};
  const LabelledBatch batch = make_labelled_batch(*set, chosen, BatchLayout::padded);
  expect_examples(batch, *set);
  EXPECT_FALSE(batch.layout.all_valid());
  EXPECT_EQ(batch.layout.rows(), 3 * std::max({set->lengths()[1], set->lengths()[9], set->lengths()[4]}));
  EXPECT_EQ(values(batch.labels), (Ids{1, 0, 1}));
}

TEST(LabelledBatchesTest, ScoresAndMissingLabels) {
  const std::vector<LabelledText> rows{
      {.first = "ba", .label = 2}, {.first = "lo"}, {.first = "ke", .score = 2.5f}};
  const std::vector<std::uint64_t> all{0, 1, 2};
  const LabelledSet classes(TaskKind::classification, rows, small_tokenizer(), 16);
  LabelledBatch batch = make_labelled_batch(classes, all, BatchLayout::ragged);
  EXPECT_EQ(values(batch.labels), (Ids{2, -1, -1}));
  EXPECT_EQ(batch.predicted, 1);
  const LabelledSet scores(TaskKind::regression, rows, small_tokenizer(), 16);
  batch = make_labelled_batch(scores, all, BatchLayout::ragged);
  EXPECT_FALSE(batch.labels.defined());
  ASSERT_EQ(batch.scores.scalar_type(), at::kFloat);
  ASSERT_EQ(batch.scores.size(0), 3);
  const float* data = batch.scores.const_data_ptr<float>();
  EXPECT_TRUE(std::isnan(data[0]) && std::isnan(data[1]));
  EXPECT_EQ(data[2], 2.5f);
  EXPECT_EQ(batch.predicted, 1);
}

TEST(LabelledBatchesTest, Words) {
  const std::vector<LabelledText> rows{{.words = {"balo", "q", "mi"}, .word_labels = {1, 0, 2}},
                                       {.words = {"ke"}},
                                       {.words = {"sta", "vis"}, .word_labels = {0, 3}}};
  const LabelledSet set(TaskKind::tokens, rows, small_tokenizer(), 32);
  for (const BatchLayout layout : {BatchLayout::ragged, BatchLayout::padded}) {
    const std::vector<std::uint64_t> chosen{2, 1, 0};
    const LabelledBatch batch = make_labelled_batch(set, chosen, layout);
    expect_examples(batch, set);
    EXPECT_EQ(values(batch.labels), (Ids{0, 3, -1, 1, 0, 2}));
    EXPECT_EQ(batch.predicted, 5);
    Ids expected;
    for (std::size_t s = 0; s < 3; ++s) {
      for (const std::int32_t row : set[chosen[s]].word_rows)
        expected.push_back(batch.layout.host_begin()[s] + row);
    }
    EXPECT_EQ(values(batch.word_rows), expected);
    const Ids ids = values(batch.token_ids);
    EXPECT_EQ(ids[static_cast<std::size_t>(expected[0])], small_tokenizer().encode("sta")[0]);
  }
  // Truncation leaves words without a row.
  const LabelledSet shorter(TaskKind::tokens, std::span(rows).first(1), small_tokenizer(), 5);
  const std::vector<std::uint64_t> first{0};
  const LabelledBatch batch = make_labelled_batch(shorter, first, BatchLayout::ragged);
  ASSERT_LT(shorter[0].word_rows.size(), 3u);
  EXPECT_EQ(batch.predicted, static_cast<std::int64_t>(shorter[0].word_rows.size()));
  EXPECT_EQ(batch.labels.size(0), batch.predicted);
}

TEST(LabelledBatchesTest, MovesInOnePiece) {
  for (const TaskKind kind : {TaskKind::classification, TaskKind::regression}) {
    const auto set = invented_set(6, kind);
    const std::vector<std::uint64_t> chosen{5, 1};
    const LabelledBatch batch = make_labelled_batch(*set, chosen, BatchLayout::padded);
    const LabelledBatch moved = batch.to(c10::kCPU);
    EXPECT_EQ(values(moved.token_ids), values(batch.token_ids));
    EXPECT_EQ(values(moved.segment_ids), values(batch.segment_ids));
    EXPECT_EQ(moved.labels.defined(), batch.labels.defined());
    if (batch.labels.defined()) {
      EXPECT_EQ(values(moved.labels), values(batch.labels));
    }
    if (batch.scores.defined()) {
      EXPECT_EQ(moved.scores.const_data_ptr<float>()[0], 2.5f);
      EXPECT_EQ(moved.scores.const_data_ptr<float>()[1], 0.5f);
    }
    EXPECT_FALSE(moved.word_rows.defined());
    EXPECT_EQ(moved.examples, batch.examples);
    EXPECT_EQ(moved.predicted, 2);
    EXPECT_EQ(moved.layout.rows(), batch.layout.rows());
    EXPECT_NE(moved.token_ids.const_data_ptr(), batch.token_ids.const_data_ptr());
  }
}

TEST(LabelledBatchesTest, EmptyBatchIsRefused) {
  expect_message<UsageError>([] { make_labelled_batch(*invented_set(2), {}, BatchLayout::ragged); },
                             "[labelled_batch] examples: expected at least one, got none");
}

// Examples of an epoch in order, after checking the bounds of its steps.
std::vector<std::uint64_t> epoch_of(const LabelledLoader& loader, const BatchOptions& options,
                                    std::int64_t epoch) {
  std::vector<std::uint64_t> order;
  const std::int64_t steps = loader.steps_per_epoch(epoch);
  for (std::int64_t step = 0; step < steps; ++step) {
    const auto batches = loader.step(epoch, step);
    EXPECT_LE(static_cast<std::int64_t>(batches.size()), options.accumulation);
    if (step + 1 < steps) {
      EXPECT_EQ(static_cast<std::int64_t>(batches.size()), options.accumulation);
    }
    EXPECT_FALSE(batches.empty());
    for (const LabelledBatch& batch : batches) {
      expect_examples(batch, loader.set());
      if (options.tokens) {
        EXPECT_LE(batch.layout.rows(), *options.tokens);
      }
      if (options.sequences) {
        EXPECT_LE(batch.layout.num_sequences(), *options.sequences);
      }
      order.insert(order.end(), batch.examples.begin(), batch.examples.end());
    }
  }
  return order;
}

TEST(LabelledBatchesTest, LoaderGivesEveryExampleOnceAnEpoch) {
  const auto set = invented_set(101);
  for (const BatchOptions& options :
       {BatchOptions{.tokens = 96}, BatchOptions{.sequences = 8, .accumulation = 3},
        BatchOptions{.tokens = 100, .layout = BatchLayout::padded, .accumulation = 2}}) {
    const LabelledLoader loader(set, options, 9);
    const auto first = epoch_of(loader, options, 0);
    for (const std::int64_t epoch : {0, 1, 5}) {
      auto order = epoch_of(loader, options, epoch);
      if (epoch > 0) {
        EXPECT_NE(order, first) << "reshuffled";
      }
      std::sort(order.begin(), order.end());
      ASSERT_EQ(order.size(), 101u);
      for (std::uint64_t i = 0; i < 101; ++i) ASSERT_EQ(order[i], i);
    }
    EXPECT_EQ(epoch_of(loader, options, 0), first) << "again, after other epochs";
    EXPECT_EQ(epoch_of(LabelledLoader(set, options, 9), options, 0), first);
    EXPECT_NE(epoch_of(LabelledLoader(set, options, 10), options, 0), first);
  }
  EXPECT_EQ(LabelledLoader(set, {.sequences = 8, .accumulation = 3}, 9).steps_per_epoch(0), 5);  // ⌈13 / 3⌉
}

TEST(LabelledBatchesTest, LoaderRefusesWhatItCannotDo) {
  const auto set = invented_set(20);
  const auto make = [&](const BatchOptions& options) { return LabelledLoader(set, options, 1); };
  expect_message<UsageError>([&] { make({.tokens = 64, .fixed_shapes = true}); },
                             "batch.fixed_shapes: expected false for labelled examples, got true");
  expect_message<UsageError>([&] { make({}); },
                             "batch: expected exactly one of tokens and sequences, got neither");
  const auto longest = *std::max_element(set->lengths().begin(), set->lengths().end());
  expect_message<UsageError>([&] { make({.tokens = longest - 1}); },
                             "batch.tokens: expected at least " + std::to_string(longest) +
                                 ", the length of the longest example, got " + std::to_string(longest - 1));
  EXPECT_GT(make({.tokens = longest}).steps_per_epoch(0), 0);
  const LabelledLoader loader = make({.sequences = 10});
  expect_message<UsageError>([&] { loader.step(0, 2); },
                             "[labelled_loader] step: expected 0 to 1 in epoch 0, got 2");
  expect_message<UsageError>([&] { loader.step(-1, 0); },
                             "[labelled_loader] epoch: expected at least 0, got -1");
  const std::vector<LabelledText> unlabelled{{.first = "ba", .label = 0}, {.first = "lo"}};
  const auto lacking =
      std::make_shared<const LabelledSet>(TaskKind::classification, unlabelled, small_tokenizer(), 16);
  expect_message<UsageError>([&] { LabelledLoader(lacking, {.sequences = 2}, 1); },
                             "[labelled_loader] set: expected a label for every example, got some without");
  expect_message<UsageError>([&] { LabelledLoader(invented_set(0), {.sequences = 2}, 1); },
                             "[labelled_loader] set: expected examples, got none");
}

TEST(LabelledBatchesTest, PlanByLength) {
  const auto set = invented_set(57);
  for (const BatchOptions& options : {BatchOptions{.tokens = 64}, BatchOptions{.sequences = 7},
                                      BatchOptions{.tokens = 64, .layout = BatchLayout::padded}}) {
    const BatchPlan plan = plan_by_length(*set, options);
    std::vector<std::uint64_t> order;
    for (std::uint64_t i = 0; i < plan.size(); ++i) {
      const auto examples = plan.micro_batch(i);
      ASSERT_FALSE(examples.empty());
      const LabelledBatch batch = make_labelled_batch(*set, examples, options.layout);
      if (options.tokens) {
        EXPECT_LE(batch.layout.rows(), *options.tokens);
      }
      if (options.sequences) {
        EXPECT_LE(batch.layout.num_sequences(), *options.sequences);
      }
      order.insert(order.end(), examples.begin(), examples.end());
    }
    EXPECT_TRUE(std::is_sorted(order.begin(), order.end(), [&](std::uint64_t a, std::uint64_t b) {
      return std::pair(set->lengths()[a], a) < std::pair(set->lengths()[b], b);
    }));
    EXPECT_EQ(std::set<std::uint64_t>(order.begin(), order.end()).size(), 57u);
    EXPECT_EQ(order.size(), 57u);
  }
  // Nothing is too long to be predicted: a batch holds at least the longest example.
  const std::int64_t longest = *std::max_element(set->lengths().begin(), set->lengths().end());
  EXPECT_EQ(plan_by_length(*set, {.tokens = 1}).size(), plan_by_length(*set, {.tokens = longest}).size());
  EXPECT_EQ(plan_by_length(*invented_set(0), {.sequences = 7}).size(), 0u);
  expect_error<UsageError>([&] { plan_by_length(*set, {.sequences = 1, .fixed_shapes = true}); },
                           {"batch.fixed_shapes"});
}

}  // namespace
}  // namespace mabert::data
