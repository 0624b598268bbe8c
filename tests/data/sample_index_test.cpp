#include "mabert/data/sample_index.h"

#include "fixtures.h"

namespace mabert::data {
namespace {

class SampleIndexTest : public testing::Test {
 protected:
  TempFolder folder_;
};

TEST_F(SampleIndexTest, SpansCoverDocumentsEvenly) {
  const std::vector<int> lengths{1, 2, 29, 30, 31, 60, 61, 1000};
  const auto shards = shards_of(folder_ / "s", lengths);
  const SampleIndex index(*shards, {.max_length = 32, .min_length = 3});
  std::vector<std::uint32_t> covered(lengths.size());
  std::vector<std::uint32_t> least(lengths.size(), 1000), most(lengths.size());
  for (std::uint64_t s = 0; s < index.size(); ++s) {
    const Sample& sample = index[s];
    EXPECT_EQ(sample.begin, covered[sample.document]);
    EXPECT_EQ(index.lengths()[s], static_cast<std::int32_t>(sample.tokens + 2));
    EXPECT_LE(index.lengths()[s], 32);
    covered[sample.document] += sample.tokens;
    least[sample.document] = std::min(least[sample.document], sample.tokens);
    most[sample.document] = std::max(most[sample.document], sample.tokens);
  }
  for (std::size_t d = 0; d < lengths.size(); ++d) {
    EXPECT_EQ(covered[d], static_cast<std::uint32_t>(lengths[d]));
    EXPECT_LE(most[d] - least[d], 1u) << d;
  }
  EXPECT_EQ(index.size(), 1u + 1 + 1 + 1 + 2 + 2 + 3 + 34);
}

TEST_F(SampleIndexTest, ShortSamplesAreLeftOut) {
  const auto shards = shards_of(folder_ / "s", std::vector<int>{1, 2, 3, 10});
  EXPECT_EQ(SampleIndex(*shards, {.max_length = 32, .min_length = 4}).size(), 3u);
  EXPECT_EQ(SampleIndex(*shards, {.max_length = 32, .min_length = 5}).size(), 2u);
  expect_error<DataError>([&] { SampleIndex(*shards, {.max_length = 32, .min_length = 13}); },
                          {"/s: ", "min_length (13)"});
  EXPECT_THROW(SampleIndex(*shards, {.max_length = 8, .min_length = 9}), UsageError);
}

TEST_F(SampleIndexTest, JoinsOnlyWhenAsked) {
  const auto shards = shards_of(folder_ / "s", std::vector<int>{10, 10, 10, 50, 5, 29, 3}, 25);
  const SampleIndex index(*shards, {.max_length = 32, .min_length = 3, .join_documents = true});
  // [CLS] 10 [SEP] 10 [SEP] = 23; a third would make 34. 50 is cut alone; 5 alone, since 5 and 29 make 37; 29
  // alone (31).
  const std::vector<std::int32_t> expected{23, 12, 27, 27, 7, 31, 5};
  EXPECT_EQ(std::vector<std::int32_t>(index.lengths().begin(), index.lengths().end()), expected);
  EXPECT_EQ(index[0].tokens, 20u);
  EXPECT_EQ(SampleIndex(*shards, {.max_length = 32, .min_length = 3}).size(), 8u);
}

/// The samples follow each other through every document without a gap or an overlap.
void expect_covered_once(const ShardSet& shards, const SampleIndex& index) {
  std::uint64_t document = 0, begin = 0;
  for (std::uint64_t s = 0; s < index.size(); ++s) {
    if (begin == shards.length(document)) {
      ++document;
      begin = 0;
    }
    ASSERT_EQ(index[s].document, document) << s;
    ASSERT_EQ(index[s].begin, begin) << s;
    for (std::uint64_t left = index[s].tokens; left > 0;) {
      const std::uint64_t taken = std::min(left, shards.length(document) - begin);
      left -= taken;
      begin += taken;
      if (left > 0) {
        ASSERT_EQ(begin, shards.length(document)) << s;
        ++document;
        begin = 0;
      }
    }
  }
  EXPECT_EQ(document + 1, shards.documents());
  EXPECT_EQ(begin, shards.length(document));
}

/// Of the tokens, which part lies in samples longer than `above` and at most `length`.
double share_between(const ShardSet& shards, const SampleIndex& index, int above, int length) {
  double tokens = 0;
  for (std::uint64_t s = 0; s < index.size(); ++s) {
    if (index.lengths()[s] > above && index.lengths()[s] <= length) tokens += index[s].tokens;
  }
  return tokens / static_cast<double>(shards.tokens());
}

TEST_F(SampleIndexTest, AMixtureCutsItsSharesOfTheTextAtItsLengths) {
  const auto shards = shards_of(folder_ / "s", std::vector<int>{60000, 17, 25000, 9000, 126, 12000}, 1 << 20);
  const SampleOptions options{.max_length = 128,
                              .min_length = 3,
                              .mixture = {{.length = 32, .share = 0.3}, {.length = 64, .share = 0.2}}};
  const SampleIndex index(*shards, options);
  expect_covered_once(*shards, index);
  // 842 spans: three deviations are 0.05 and 0.04.
  EXPECT_NEAR(share_between(*shards, index, 0, 32), 0.3, 0.05);
  EXPECT_NEAR(share_between(*shards, index, 32, 64), 0.2, 0.04);
  EXPECT_NEAR(share_between(*shards, index, 64, 128), 0.5, 0.05);
  EXPECT_EQ(share_between(*shards, index, 128, 1 << 20), 0);
  // Parts of a span are as equal as can be: none but the document of 17 tokens is short.
  std::int32_t shortest = 128;
  for (std::uint64_t s = 0; s < index.size(); ++s) {
    if (index[s].tokens != 17) shortest = std::min(shortest, index.lengths()[s]);
  }
  EXPECT_GE(shortest, 124 / 5 + 2);
}

TEST_F(SampleIndexTest, AMixtureIsAFunctionOfShardsAndOptions) {
  const auto shards = shards_of(folder_ / "s", std::vector<int>{3000, 200, 900});
  const SampleOptions options{.max_length = 128, .min_length = 3, .mixture = {{.length = 32, .share = 0.5}}};
  const SampleIndex first(*shards, options), second(*shards, options);
  const auto lengths = [](const SampleIndex& index) {
    return std::vector<std::int32_t>(index.lengths().begin(), index.lengths().end());
  };
  EXPECT_EQ(lengths(first), lengths(second));
  // Not every document begins alike, so it is no pattern over the spans of one.
  SampleOptions other = options;
  other.mixture[0].share = 0.2;
  EXPECT_NE(lengths(SampleIndex(*shards, other)), lengths(first));
}

TEST_F(SampleIndexTest, LengthsFromTheMaximumOnDoNotCount) {
  const auto shards = shards_of(folder_ / "s", std::vector<int>{3000, 200, 900});
  SampleOptions options{.max_length = 64, .min_length = 3};
  const SampleIndex plain(*shards, options);
  options.mixture = {{.length = 64, .share = 0.5}, {.length = 128, .share = 0.4}};
  const SampleIndex mixed(*shards, options);
  EXPECT_TRUE(std::equal(plain.lengths().begin(), plain.lengths().end(), mixed.lengths().begin(),
                         mixed.lengths().end()));
  // A part that does count keeps its share beside them.
  options.mixture.push_back({.length = 16, .share = 0.05});
  EXPECT_NEAR(share_between(*shards, SampleIndex(*shards, options), 0, 16), 0.05, 0.08);
}

TEST_F(SampleIndexTest, AMixtureOfJoinedDocumentsCoversThemOnce) {
  std::vector<int> lengths;
  for (int i = 0; i < 900; ++i)
    lengths.push_back(1 + static_cast<int>(random_below(60, 3, static_cast<std::uint64_t>(i))));
  lengths[10] = lengths[500] = 700;
  const auto shards = shards_of(folder_ / "s", lengths);
  const SampleOptions options{
      .max_length = 128, .min_length = 3, .join_documents = true, .mixture = {{.length = 48, .share = 0.4}}};
  const SampleIndex index(*shards, options);
  expect_covered_once(*shards, index);
  EXPECT_NEAR(share_between(*shards, index, 0, 48), 0.4, 0.12);
  EXPECT_EQ(share_between(*shards, index, 128, 1 << 20), 0);
  EXPECT_TRUE(
      std::any_of(index.lengths().begin(), index.lengths().end(), [](int length) { return length > 48; }));
}

TEST_F(SampleIndexTest, ImpossibleMixturesAreRefused) {
  const auto shards = shards_of(folder_ / "s", std::vector<int>{300});
  const auto index = [&](const std::vector<LengthShare>& mixture) {
    SampleIndex(*shards, {.max_length = 64, .min_length = 8, .mixture = mixture});
  };
  expect_error<UsageError>(
      [&] {
        index({{.length = 16, .share = 0.5}, {.length = 32, .share = 0.5}});
      },
      {"samples.mixture: ", "below 1"});
  expect_error<UsageError>([&] { index({{.length = 7, .share = 0.5}}); },
                           {"samples.mixture[0].length: ", "min_length (8)", "got 7"});
  expect_error<UsageError>([&] { index({{.length = 16, .share = 0}}); }, {"samples.mixture[0].share: "});
}

}  // namespace
}  // namespace mabert::data
