#include "mabert/data/context_windows.h"

#include "fixtures.h"

#include <algorithm>
#include <array>
#include <map>
#include <set>

namespace mabert::data {
namespace {

using Ids = std::vector<std::int32_t>;

Ids ids_of(const at::Tensor& tensor) {
  const auto* data = tensor.const_data_ptr<std::int32_t>();
  return {data, data + tensor.numel()};
}

/// What a model sees and must say about one window.
struct Seen {
  Ids ids;                         ///< visible, [CLS] and [SEP] included
  std::vector<std::int64_t> rows;  ///< to predict, of `ids`
  Ids labels;
};

class ContextWindowsTest : public ::testing::Test {
 protected:
  static constexpr std::array kLengths{40, 700, 133, 240, 122, 301};

  ContextWindowOptions options() const {
    ContextWindowOptions options;
    options.lengths = {32, 33, 64, 124};
    options.window = 20;
    options.batch_tokens = 300;
    options.seed = 5;
    return options;
  }

  /// Every window by its number, at one length.
  static std::map<std::uint64_t, Seen> read(const ContextWindows& windows, std::size_t length) {
    std::map<std::uint64_t, Seen> all;
    const std::int64_t rows = windows.options().lengths[length];
    for (std::int64_t i = 0; i < windows.batches(length); ++i) {
      const Batch batch = windows.batch(length, i);
      const Ids ids = ids_of(batch.token_ids), predicted = ids_of(batch.predicted_rows),
                labels = ids_of(batch.labels);
      EXPECT_LE(batch.layout.rows(), std::max(rows, windows.options().batch_tokens));
      EXPECT_EQ(batch.num_predicted, std::ssize(labels));
      EXPECT_EQ(batch.layout.num_sequences(), std::ssize(batch.samples));
      for (std::size_t s = 0; s < batch.samples.size(); ++s) {
        const std::int64_t first = batch.layout.host_offsets()[s];
        EXPECT_EQ(batch.layout.host_offsets()[s + 1] - first, rows);
        Seen seen;
        seen.ids.assign(ids.begin() + first, ids.begin() + first + rows);
        const std::int64_t each = windows.predicted();
        for (std::int64_t p = each * static_cast<std::int64_t>(s);
             p < each * static_cast<std::int64_t>(s + 1); ++p) {
          seen.rows.push_back(predicted[static_cast<std::size_t>(p)] - first);
          seen.labels.push_back(labels[static_cast<std::size_t>(p)]);
        }
        EXPECT_TRUE(all.emplace(batch.samples[s], seen).second);
      }
    }
    return all;
  }

  Ids document(std::uint64_t number) const {
    Ids ids(shards_->length(number));
    shards_->document(number).copy(0, ids);
    return ids;
  }

  TempFolder folder_;
  std::shared_ptr<const ShardSet> shards_ = shards_of(folder_ / "shards", kLengths);
};

TEST_F(ContextWindowsTest, StandWithinDocumentsThatAreLongEnough) {
  const ContextWindows windows(shards_, options());
  // Blocks of 20 of the documents with at least 122 tokens.
  const std::int64_t expected = 700 / 20 + 133 / 20 + 240 / 20 + 122 / 20 + 301 / 20;
  EXPECT_EQ(windows.available(), expected);
  EXPECT_EQ(windows.size(), expected);
  EXPECT_EQ(windows.documents(), 5);
  std::vector<std::uint64_t> documents;
  const std::map<std::uint64_t, int> counts{
      {1, 700 / 20}, {2, 133 / 20}, {3, 240 / 20}, {4, 122 / 20}, {5, 301 / 20}};
  for (const auto& [document, count] : counts)
    documents.insert(documents.end(), static_cast<std::size_t>(count), document);
  EXPECT_EQ(windows.window_documents(), documents);
  EXPECT_EQ(windows.predicted(), 3);
  const std::map<std::int64_t, std::int64_t> middles{{32, 5}, {33, 5}, {64, 21}, {124, 51}};
  for (std::size_t length = 0; length < 4; ++length) {
    const auto all = read(windows, length);
    ASSERT_EQ(std::ssize(all), expected);
    const std::int64_t visible = windows.options().lengths[length] - 2;
    std::uint64_t window = 0;
    for (const std::uint64_t number : {1u, 2u, 3u, 4u, 5u}) {
      const Ids text = document(number);
      for (std::int64_t block = 0; (block + 1) * 20 <= std::ssize(text); ++block, ++window) {
        const Seen& seen = all.at(window);
        EXPECT_EQ(seen.ids.front(), SpecialIds().cls);
        EXPECT_EQ(seen.ids.back(), SpecialIds().sep);
        const std::int64_t begin =
            std::clamp<std::int64_t>(block * 20 - middles.at(visible + 2), 0, std::ssize(text) - visible);
        for (std::size_t i = 0; i < seen.rows.size(); ++i) {
          const std::int64_t at = begin + seen.rows[i] - 1;
          EXPECT_GE(at, block * 20);
          EXPECT_LT(at, block * 20 + 20);
          EXPECT_EQ(seen.labels[i], text[static_cast<std::size_t>(at)]);
        }
        // What is not masked is the document's.
        std::int64_t same = 0;
        for (std::int64_t i = 0; i < visible; ++i)
          same +=
              seen.ids[static_cast<std::size_t>(i) + 1] == text[static_cast<std::size_t>(begin + i)] ? 1 : 0;
        EXPECT_GE(same, visible - 3 * (visible / 20 + 2));
      }
    }
  }
}

TEST_F(ContextWindowsTest, TheSameTokensAreToBePredictedAtEveryLength) {
  const ContextWindows windows(shards_, options());
  const auto shortest = read(windows, 0);
  for (std::size_t length = 1; length < 4; ++length) {
    const auto all = read(windows, length);
    for (const auto& [window, seen] : shortest) {
      const Seen& other = all.at(window);
      EXPECT_EQ(other.labels, seen.labels);
      for (std::size_t i = 0; i < seen.rows.size(); ++i) {
        EXPECT_EQ(other.rows[i] - other.rows[0], seen.rows[i] - seen.rows[0]);
        EXPECT_EQ(other.ids[static_cast<std::size_t>(other.rows[i])],
                  seen.ids[static_cast<std::size_t>(seen.rows[i])]);
      }
    }
  }
}

TEST_F(ContextWindowsTest, AShorterContextIsAPartOfALongerOne) {
  const ContextWindows windows(shards_, options());
  for (std::size_t length = 1; length < 4; ++length) {
    const auto inner = read(windows, length - 1), outer = read(windows, length);
    for (const auto& [window, seen] : inner) {
      const Seen& other = outer.at(window);
      const std::int64_t shift = other.rows[0] - seen.rows[0];
      ASSERT_GE(shift, 0);
      ASSERT_LE(shift + std::ssize(seen.ids), std::ssize(other.ids));
      EXPECT_TRUE(std::equal(seen.ids.begin() + 1, seen.ids.end() - 1, other.ids.begin() + 1 + shift))
          << "window " << window << " length " << length;
    }
  }
}

TEST_F(ContextWindowsTest, TextIsAsDenselyMaskedAtEveryLength) {
  ContextWindowOptions all = options();
  all.masking = {.rate = 0.25, .mask_fraction = 1, .random_fraction = 0};
  const ContextWindows windows(shards_, all);
  EXPECT_EQ(windows.predicted(), 5);
  for (std::size_t length = 0; length < 4; ++length) {
    double masked = 0, tokens = 0;
    for (const auto& [window, seen] : read(windows, length)) {
      masked += static_cast<double>(std::count(seen.ids.begin(), seen.ids.end(), SpecialIds().mask));
      tokens += static_cast<double>(seen.ids.size() - 2);
    }
    EXPECT_NEAR(masked / tokens, 0.25, 0.02) << length;
  }
}

TEST_F(ContextWindowsTest, MasksDifferByDocumentBlockAndSeed) {
  ContextWindowOptions changed = options();
  const ContextWindows windows(shards_, changed);
  const auto all = read(windows, 0);
  std::set<std::vector<std::int64_t>> places;
  for (const auto& [window, seen] : all) {
    std::vector<std::int64_t> steps;
    for (const std::int64_t row : seen.rows) steps.push_back(row - seen.rows[0]);
    places.insert(steps);
  }
  EXPECT_GT(std::ssize(places), windows.size() / 2);
  const auto again = read(ContextWindows(shards_, changed), 0);
  changed.seed = 6;
  const auto other = read(ContextWindows(shards_, changed), 0);
  std::int64_t differing = 0;
  for (const auto& [window, seen] : all) {
    EXPECT_EQ(again.at(window).ids, seen.ids);
    EXPECT_EQ(again.at(window).rows, seen.rows);
    differing += other.at(window).rows != seen.rows ? 1 : 0;
  }
  EXPECT_GT(differing, windows.size() / 2);
}

TEST_F(ContextWindowsTest, FewerWindowsAreEvenlySpread) {
  ContextWindowOptions few = options();
  few.windows = 6;
  const ContextWindows all(shards_, options()), some(shards_, few);
  EXPECT_EQ(some.size(), 6);
  EXPECT_EQ(some.available(), all.available());
  const auto whole = read(all, 1), chosen = read(some, 1);
  ASSERT_EQ(chosen.size(), 6u);
  for (std::int64_t i = 0; i < 6; ++i) {
    EXPECT_EQ(chosen.at(static_cast<std::uint64_t>(i)).ids,
              whole.at(static_cast<std::uint64_t>(i * all.available() / 6)).ids);
  }
  EXPECT_EQ(some.documents(), 4);  // 0 12 24 in the first of 35 windows, 37 of 6, 49 of 12, 61 of 15
  EXPECT_EQ(some.window_documents(), (std::vector<std::uint64_t>{1, 1, 1, 2, 3, 5}));
  few.windows = 100000;
  EXPECT_EQ(ContextWindows(shards_, few).size(), all.available());
}

TEST_F(ContextWindowsTest, RefusesWhatCannotBe) {
  const auto fails = [&](auto change, const std::vector<std::string>& parts) {
    ContextWindowOptions bad = options();
    change(bad);
    expect_error<UsageError>([&] { ContextWindows(shards_, bad); }, parts);
  };
  fails([](auto& o) { o.window = 0; }, {"window", "at least 1", "got 0"});
  fails([](auto& o) { o.windows = -1; }, {"windows", "got -1"});
  fails([](auto& o) { o.lengths = {}; }, {"lengths", "at least one"});
  fails([](auto& o) { o.lengths = {21, 64}; }, {"lengths", "at least 22", "got 21"});
  fails([](auto& o) { o.lengths = {32, 64, 64}; }, {"lengths", "rising", "got 64 after 64"});
  fails([](auto& o) { o.batch_tokens = 0; }, {"batch_tokens", "got 0"});
  ContextWindowOptions longer = options();
  longer.lengths.back() = 703;
  expect_error<DataError>([&] { ContextWindows(shards_, longer); },
                          {"shards", "703", "at least 701 tokens", "longest has 700", "shorter lengths"});
  longer.lengths.back() = 702;
  EXPECT_EQ(ContextWindows(shards_, longer).available(), 35);
  const ContextWindows windows(shards_, options());
  EXPECT_THROW(windows.batch(4, 0), UsageError);
  EXPECT_THROW(windows.batch(0, windows.batches(0)), UsageError);
}

}  // namespace
}  // namespace mabert::data
