#include "mabert/core/random.h"

#include <vector>

#include <gtest/gtest.h>

namespace mabert {
namespace {

// Known answers published with the algorithm (Random123's kat_vectors, philox4x32 with 10 rounds).
TEST(RandomTest, PhiloxMatchesPublishedVectors) {
  const Philox zero = Philox::draw(0, 0, 0);
  EXPECT_EQ(zero.words[0], 0x6627e8d5u);
  EXPECT_EQ(zero.words[1], 0xe169c58du);
  EXPECT_EQ(zero.words[2], 0xbc57ac4cu);
  EXPECT_EQ(zero.words[3], 0x9b00dbd8u);
  const Philox ones = Philox::draw(~0ull, ~0ull, ~0ull);
  EXPECT_EQ(ones.words[0], 0x408f276du);
  EXPECT_EQ(ones.words[1], 0x41c83b0eu);
  EXPECT_EQ(ones.words[2], 0xa20bc7c6u);
  EXPECT_EQ(ones.words[3], 0x6d5451fdu);
}

TEST(RandomTest, PermutationIsABijectionAndDependsOnItsKey) {
  for (const std::uint64_t size : {1ull, 2ull, 3ull, 17ull, 1000ull, 4097ull}) {
    const KeyedPermutation permute(size, 7);
    std::vector<int> hits(size, 0);
    for (std::uint64_t i = 0; i < size; ++i) ++hits.at(permute(i));
    for (const int count : hits) EXPECT_EQ(count, 1);
  }
  int same = 0, fixed = 0;
  const KeyedPermutation a(1000, 1), b(1000, 2);
  for (std::uint64_t i = 0; i < 1000; ++i) {
    same += a(i) == b(i);
    fixed += a(i) == i;
  }
  EXPECT_LT(same, 20);
  EXPECT_LT(fixed, 20);
}

TEST(RandomTest, UniformAndNormalHaveTheirMoments) {
  double sum = 0, normal_sum = 0, normal_square = 0;
  constexpr int kDraws = 200'000;
  for (int i = 0; i < kDraws; ++i) {
    const Philox draw = Philox::draw(derive_key(3, RandomPurpose::masking), 0, static_cast<std::uint64_t>(i));
    const float uniform = uniform_float(draw.words[0]);
    ASSERT_GE(uniform, 0.0f);
    ASSERT_LT(uniform, 1.0f);
    sum += uniform;
    for (const double value : normal_pair(draw)) {
      normal_sum += value;
      normal_square += value * value;
    }
  }
  EXPECT_NEAR(sum / kDraws, 0.5, 0.003);
  EXPECT_NEAR(normal_sum / (2 * kDraws), 0.0, 0.008);
  EXPECT_NEAR(normal_square / (2 * kDraws), 1.0, 0.01);
}

TEST(RandomTest, PurposesGiveDifferentKeys) {
  EXPECT_NE(derive_key(1, RandomPurpose::masking), derive_key(1, RandomPurpose::dropout));
  EXPECT_NE(derive_key(1, RandomPurpose::masking), derive_key(2, RandomPurpose::masking));
}

}  // namespace
}  // namespace mabert
