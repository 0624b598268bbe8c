#include "options.h"

#include <string>
#include <variant>

#include "mabert/config/write.h"

namespace mabert::config::testing {
namespace {

TEST(AlternativesTest, TypeSelectsTheFields) {
  EXPECT_EQ(value_of<Block>("mixer: {type: mamba, state_size: 8}").mixer.value,
            Mixer::Alternatives(Mamba{8}));
  EXPECT_EQ(value_of<Block>("mixer: {heads: 2, type: attention}").mixer.value,
            Mixer::Alternatives(Attention{2}));
}

TEST(AlternativesTest, AbsentTypeKeepsTheDefaultAlternative) {
  EXPECT_EQ(value_of<Model>("mixer: {dropout: 0.1}").mixer.value, Mixer::Alternatives(Attention{8, 0.1}));
  EXPECT_EQ(value_of<Model>("mixer: {type: attention}").mixer.value, Mixer::Alternatives(Attention{8}));
  EXPECT_EQ(value_of<Model>("mixer: {type: mamba}").mixer.value, Mixer::Alternatives(Mamba{16}));
}

TEST(AlternativesTest, AlternativesMayContainThemselves) {
  const auto block = value_of<Block>(R"(
mixer:
  type: parallel
  children:
    - {type: mamba}
    - type: parallel
      children: [{type: attention, heads: 3}]
)");
  const Mixer inner{Parallel{{Mixer{Attention{3}}}}};
  EXPECT_EQ(block.mixer, (Mixer{Parallel{{Mixer{Mamba{}}, inner}}}));
  EXPECT_EQ(value_of<Block>(to_yaml(block)), block);
}

TEST(AlternativesTest, ErrorsNameTheTypeAndThePlace) {
  EXPECT_EQ(error_of<Block>("mixer:\n  type: mambo\n"),
            "x.yaml:2:9: mixer.type: expected one of mamba, attention, parallel, got 'mambo'; did you mean "
            "'mamba'?");
  EXPECT_EQ(error_of<Block>("mixer: {type: [mamba]}"),
            "x.yaml:1:15: mixer.type: expected one of mamba, attention, parallel, got a list");
  EXPECT_EQ(error_of<Block>("mixer:\n  type: attention\n  head: 3\n"),
            "x.yaml:3:3: mixer.head: expected one of type, heads, dropout, got an unknown key for type "
            "attention; did "
            "you mean 'heads'?");
  EXPECT_EQ(error_of<Block>("mixer: {heads: 3}"),
            "x.yaml:1:9: mixer.heads: expected one of type, state_size, got an unknown key for type mamba");
  EXPECT_EQ(error_of<Block>("mixer: mamba"), "x.yaml:1:8: mixer: expected a map, got 'mamba'");
  EXPECT_EQ(error_of<Block>("mixer:\n  type: parallel\n  children:\n    - type: attention\n      heads: 0\n"),
            "x.yaml:5:14: mixer.children[0].heads: expected an integer >= 1, got '0'");
}

}  // namespace
}  // namespace mabert::config::testing
