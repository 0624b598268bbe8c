#include "mabert/config/describe.h"

#include "options.h"

#include <string>

namespace mabert::config::testing {
namespace {

TEST(DescribeTest, FieldsAreListedWithTypeRangeAndMeaning) {
  EXPECT_EQ(describe(Everything{}), R"(flag: true  # true or false. A switch.
small: -3  # integer <= 100. A small number.
count: 7  # integer. A count.
seed: 1  # integer. Random seed.
rate: 0.5  # number from 0 to 1. A rate.
temperature: 1.0  # number > 0. A temperature.
name: run  # text. A name.
folder: out/run  # path. Where to write.
limit: null  # integer >= 1 or null. An upper bound, if any.
sizes: [1, 2]  # list of integer from 1 to 64. Sizes.
switches: []  # list of true or false. Switches.
words: []  # list of list of text. Lists of words.
weights: {}  # map of names to number >= 0. Weights by name.
feed_forward:  # The feed-forward network.
  size: 3072  # integer >= 1. Inner width.
  activation: gelu  # one of gelu, relu, swish. Nonlinearity between the two projections.
extra: null  # section or null. Another one, if any.
  # size: 3072  # integer >= 1. Inner width.
  # activation: gelu  # one of gelu, relu, swish. Nonlinearity between the two projections.
layers: []  # list of section. One by layer.
  # -  # each item:
  #   size: 3072  # integer >= 1. Inner width.
  #   activation: gelu  # one of gelu, relu, swish. Nonlinearity between the two projections.
blocks: {}  # map of names to section. Named ones.
  # NAME:
  #   size: 3072  # integer >= 1. Inner width.
  #   activation: gelu  # one of gelu, relu, swish. Nonlinearity between the two projections.
)");
}

TEST(DescribeTest, OtherAlternativesAreComments) {
  EXPECT_EQ(describe(Block{}), R"(mixer:  # What mixes positions.
  type: mamba  # one of mamba, attention, parallel
  state_size: 16  # integer from 1 to 64. State size.
  # type: attention
  # heads: 12  # integer >= 1. Heads.
  # dropout: 0.0  # number from 0 to 1. Dropout.
  # type: parallel
  # children: []  # list of section. The mixers that run side by side.
  #   -  # each item:
  #     as above
)");
}

TEST(DescribeTest, TheListingReadsAsTheValue) {
  EXPECT_EQ(value_of<Everything>(describe(Everything{})), Everything{});
  Study run;
  run.model.width = 64;
  run.model.mixer = Mixer{Parallel{{Mixer{Mamba{3}}}}};
  run.model.blocks["a"].mixer = Mixer{Attention{4}};
  run.others = {run.model};
  EXPECT_EQ(value_of<Study>(describe(run)), run);
}

}  // namespace
}  // namespace mabert::config::testing
