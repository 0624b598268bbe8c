#include "mabert/data/labelled_set.h"

#include "fixtures.h"

#include <algorithm>

namespace mabert::data {
namespace {

using Ids = std::vector<std::int32_t>;

Ids ids_of(std::span<const std::int32_t> span) { return {span.begin(), span.end()}; }

// Words that are one piece each.
const std::vector<std::string>& short_words() {
  static const std::vector<std::string> words = [] {
    const std::string space = "\u2581";
    std::vector<std::string> found;
    for (std::int32_t id = 5; id < small_tokenizer().vocabulary_size(); ++id) {
      const std::string piece = small_tokenizer().piece(id);
      if (!piece.starts_with(space) || piece == space) continue;
      const std::string word = piece.substr(space.size());
      if (small_tokenizer().encode(word) == Ids{id}) found.push_back(word);
    }
    return found;
  }();
  return words;
}

// A text of exactly so many pieces.
std::string text_of(std::size_t pieces, std::uint64_t key = 1) {
  std::string text;
  for (std::size_t i = 0; i < pieces; ++i)
    text += short_words()[random_below(short_words().size(), key, i)] + " ";
  return text;
}

LabelledSet set_of(const std::vector<LabelledText>& rows, std::int64_t max_length = 32,
                   TaskKind kind = TaskKind::classification) {
  return LabelledSet(kind, rows, small_tokenizer(), max_length);
}

// Pieces of both texts after truncation.
std::pair<std::size_t, std::size_t> kept(std::size_t first, std::size_t second, std::int64_t max_length) {
  const LabelledText row{.first = text_of(first, 1), .second = text_of(second, 2)};
  const LabelledSet set = set_of({row}, max_length);
  const Example example = set[0];
  EXPECT_EQ(example.is_truncated, first + second + 3 > static_cast<std::size_t>(max_length));
  EXPECT_EQ(set.truncated(), example.is_truncated ? 1u : 0u);
  const std::size_t a = static_cast<std::size_t>(example.second_begin) - 2, b = example.ids.size() - a - 3;
  const Ids one = small_tokenizer().encode(row.first), two = small_tokenizer().encode(*row.second);
  Ids expected{2};
  expected.insert(expected.end(), one.begin(), one.begin() + static_cast<std::ptrdiff_t>(a));
  expected.push_back(3);
  expected.insert(expected.end(), two.begin(), two.begin() + static_cast<std::ptrdiff_t>(b));
  expected.push_back(3);
  EXPECT_EQ(ids_of(example.ids), expected);
  return {a, b};
}

using Pair = std::pair<std::size_t, std::size_t>;

TEST(LabelledSetTest, SingleTexts) {
  const std::string text = text_of(6), other = text_of(40, 3);
  const LabelledSet set =
      set_of({{.first = text, .label = 1, .id = "x"}, {.first = other, .label = 0, .id = "y"}}, 8);
  ASSERT_EQ(set.size(), 2u);
  const Example example = set[0];
  Ids expected = small_tokenizer().encode(text);
  expected.insert(expected.begin(), 2);
  expected.push_back(3);
  EXPECT_EQ(ids_of(example.ids), expected);
  EXPECT_EQ(example.second_begin, 8);
  EXPECT_EQ(example.label, 1);
  EXPECT_FALSE(example.score);
  EXPECT_FALSE(example.is_truncated);
  EXPECT_TRUE(example.word_rows.empty());
  EXPECT_EQ(set.id(0), "x");
  expected = small_tokenizer().encode(other);
  expected.resize(6);
  expected.insert(expected.begin(), 2);
  expected.push_back(3);
  EXPECT_EQ(ids_of(set[1].ids), expected);
  EXPECT_EQ(ids_of(set.lengths()), (Ids{8, 8}));
  EXPECT_EQ(set.truncated(), 1u);
  EXPECT_TRUE(set.is_labelled());
}

TEST(LabelledSetTest, PairsLoseTheEndOfTheLongerSide) {
  EXPECT_EQ(kept(4, 5, 12), Pair(4, 5));    // just fits
  EXPECT_EQ(kept(5, 5, 12), Pair(5, 4));    // equal: the second
  EXPECT_EQ(kept(6, 6, 12), Pair(5, 4));    // odd room
  EXPECT_EQ(kept(6, 6, 11), Pair(4, 4));    // even room
  EXPECT_EQ(kept(20, 3, 12), Pair(6, 3));   // first long
  EXPECT_EQ(kept(2, 30, 12), Pair(2, 7));   // second long
  EXPECT_EQ(kept(40, 30, 12), Pair(5, 4));  // both long
  EXPECT_EQ(kept(30, 40, 13), Pair(5, 5));
  EXPECT_EQ(kept(7, 5, 12), Pair(5, 4));
  EXPECT_EQ(kept(30, 1, 5), Pair(1, 1));  // the least
}

TEST(LabelledSetTest, VeryLongText) {
  std::string text;
  while (text.size() < 100'000) text += "balo mike ";
  const LabelledSet set = set_of({{.first = text, .label = 0}}, 512);
  EXPECT_EQ(set.lengths()[0], 512);
}

TEST(LabelledSetTest, TextWithoutAnyPieceIsUnknown) {
  const std::string invisible = "\u200B";
  ASSERT_TRUE(small_tokenizer().encode(invisible).empty());
  const LabelledSet set = set_of({{.first = invisible, .second = "balo"}});
  EXPECT_EQ(set[0].ids[1], 1);
  const LabelledSet words = set_of({{.words = {"balo", invisible, "balo"}}}, 32, TaskKind::tokens);
  ASSERT_EQ(words[0].word_rows.size(), 3u);
  EXPECT_EQ(words[0].ids[static_cast<std::size_t>(words[0].word_rows[1])], 1);
  EXPECT_EQ(words[0].word_rows[2], words[0].word_rows[1] + 1);
}

TEST(LabelledSetTest, WordsBeginAtTheirFirstPieces) {
  const std::vector<std::string> words{"balo", "q", "sta-tre.vis", "mi"};
  const Ids labels{0, 2, 1, 0};
  LabelledSet set = set_of({{.words = words, .word_labels = labels, .id = "w"}}, 64, TaskKind::tokens);
  const Example example = set[0];
  EXPECT_EQ(example.words, 4);
  EXPECT_EQ(ids_of(example.word_labels), labels);
  Ids ids{2}, rows;
  for (const std::string& word : words) {
    rows.push_back(static_cast<std::int32_t>(ids.size()));
    for (const std::int32_t id : small_tokenizer().encode(word)) ids.push_back(id);
  }
  ids.push_back(3);
  EXPECT_EQ(ids_of(example.ids), ids);
  EXPECT_EQ(ids_of(example.word_rows), rows);
  EXPECT_EQ(example.second_begin, static_cast<std::int64_t>(ids.size()));
  // Every room from the least on: the words whose first piece is there have a row, and only they.
  for (std::int64_t most = 5; most <= static_cast<std::int64_t>(ids.size()); ++most) {
    set = set_of({{.words = words, .word_labels = labels}}, most, TaskKind::tokens);
    EXPECT_EQ(set.lengths()[0], most);
    EXPECT_EQ(set[0].ids.back(), 3);
    EXPECT_EQ(set[0].is_truncated, most < static_cast<std::int64_t>(ids.size()));
    EXPECT_EQ(static_cast<std::ptrdiff_t>(set[0].word_rows.size()),
              std::count_if(rows.begin(), rows.end(), [&](std::int32_t row) { return row < most - 1; }));
    EXPECT_EQ(set[0].words, 4);
    EXPECT_EQ(set[0].word_labels.size(), 4u);
  }
}

TEST(LabelledSetTest, LabelledByKind) {
  EXPECT_TRUE(set_of({{.first = "a", .label = 0}}).is_labelled());
  EXPECT_FALSE(set_of({{.first = "a", .label = 0}, {.first = "b"}}).is_labelled());
  EXPECT_FALSE(set_of({{.first = "a", .label = 0}}, 32, TaskKind::regression).is_labelled());
  EXPECT_TRUE(set_of({{.first = "a", .score = 1.5f}}, 32, TaskKind::regression).is_labelled());
  EXPECT_FALSE(set_of({{.words = {"a"}}}, 32, TaskKind::tokens).is_labelled());
  EXPECT_TRUE(set_of({{.words = {"a"}, .word_labels = {0}}}, 32, TaskKind::tokens).is_labelled());
}

TEST(LabelledSetTest, Subset) {
  const std::vector<LabelledText> rows{{.first = "ba", .second = "lo", .label = 0, .id = "0"},
                                       {.first = text_of(60), .label = 1, .id = "1"},
                                       {.first = "ke", .id = "2"}};
  const LabelledSet set = set_of(rows);
  const std::vector<std::uint64_t> chosen{1, 0};
  const LabelledSet part = set.subset(chosen);
  ASSERT_EQ(part.size(), 2u);
  EXPECT_EQ(part.truncated(), 1u);
  EXPECT_TRUE(part.is_labelled());
  EXPECT_FALSE(set.is_labelled());
  EXPECT_EQ(part.id(0), "1");
  EXPECT_EQ(ids_of(part[1].ids), ids_of(set[0].ids));
  EXPECT_EQ(part[1].second_begin, set[0].second_begin);
  EXPECT_EQ(part.fingerprint(), set_of({rows[1], rows[0]}).fingerprint());
  const LabelledSet words =
      set_of({{.words = {"a", "b"}, .word_labels = {0, 1}}, {.words = {"c"}, .word_labels = {2}}}, 32,
             TaskKind::tokens);
  const std::vector<std::uint64_t> second{1};
  EXPECT_EQ(ids_of(words.subset(second)[0].word_labels), Ids{2});
  EXPECT_EQ(words.subset(second)[0].words, 1);
  const std::vector<std::uint64_t> beyond{3};
  expect_message<UsageError>([&] { set.subset(beyond); }, "[labelled_set] index: expected below 3, got 3");
}

TEST(LabelledSetTest, FingerprintTellsContentsApart) {
  const auto fingerprint = [](const LabelledText& row, TaskKind kind = TaskKind::classification) {
    return set_of({row}, 32, kind).fingerprint();
  };
  const std::string one = fingerprint({.first = "ba", .second = "lo", .label = 0});
  EXPECT_EQ(one.size(), 16u);
  EXPECT_EQ(fingerprint({.first = "ba", .second = "lo", .label = 0, .id = "other"}), one);
  EXPECT_NE(fingerprint({.first = "ba", .second = "lo", .label = 1}), one);
  EXPECT_NE(fingerprint({.first = "ba", .second = "lo"}), one);
  EXPECT_NE(fingerprint({.first = "lo", .second = "ba", .label = 0}), one);
  EXPECT_NE(fingerprint({.first = "ba", .label = 0}), one);
  EXPECT_NE(fingerprint({.first = "a", .score = 1.f}, TaskKind::regression),
            fingerprint({.first = "a", .score = 2.f}, TaskKind::regression));
  EXPECT_NE(fingerprint({.words = {"a", "b"}, .word_labels = {0, 1}}, TaskKind::tokens),
            fingerprint({.words = {"a", "b"}, .word_labels = {1, 0}}, TaskKind::tokens));
}

TEST(LabelledSetTest, LeastLength) {
  expect_message<UsageError>([] { set_of({}, 4); }, "[labelled_set] max_length: expected at least 5, got 4");
  EXPECT_EQ(set_of({}, 5).size(), 0u);
}

TEST(LabelledSetTest, SplitsAreDrawnBySeed) {
  const Split split = split_examples(1005, 0.1, 7);
  EXPECT_EQ(split.slice.size(), 101u);  // 100.5 rounded
  EXPECT_EQ(split.rest.size(), 904u);
  EXPECT_TRUE(std::is_sorted(split.slice.begin(), split.slice.end()));
  EXPECT_TRUE(std::is_sorted(split.rest.begin(), split.rest.end()));
  std::vector<std::uint64_t> all = split.slice;
  all.insert(all.end(), split.rest.begin(), split.rest.end());
  std::sort(all.begin(), all.end());
  for (std::uint64_t i = 0; i < all.size(); ++i) ASSERT_EQ(all[i], i);
  EXPECT_EQ(split_examples(1005, 0.1, 7).slice, split.slice);
  EXPECT_NE(split_examples(1005, 0.1, 8).slice, split.slice);
  // Spread over the whole, not its begin.
  EXPECT_GT(split.slice.back(), 900u);
  EXPECT_LT(split.slice.front(), 100u);
  EXPECT_TRUE(split_examples(10, 0, 1).slice.empty());
  EXPECT_TRUE(split_examples(10, 1, 1).rest.empty());
  EXPECT_TRUE(split_examples(0, 0.5, 1).slice.empty());
  expect_message<UsageError>([] { split_examples(10, 1.5, 1); },
                             "[split_examples] fraction: expected 0 to 1, got 1.500000");
}

}  // namespace
}  // namespace mabert::data
