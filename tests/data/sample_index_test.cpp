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

}  // namespace
}  // namespace mabert::data
