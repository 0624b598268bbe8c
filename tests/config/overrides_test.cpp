#include "options.h"

#include <string>
#include <utility>

namespace mabert::config::testing {
namespace {

TEST(OverridesTest, ValuesReplaceTheFile) {
  const auto value = value_of<Everything>("count: 1\nsizes: [1]\n", {"count=2", "sizes=[3, 4]", "name=a b=c",
                                                                     "flag=false", "limit=~", "rate= 0.25 "});
  EXPECT_EQ(value.count, 2);
  EXPECT_EQ(value.sizes, (std::vector<int64_t>{3, 4}));
  EXPECT_EQ(value.name, "a b=c");
  EXPECT_FALSE(value.flag);
  EXPECT_FALSE(value.limit.has_value());
  EXPECT_EQ(value.rate, 0.25);
}

TEST(OverridesTest, PathsReachIntoMapsAndCreateThem) {
  const auto value = value_of<Everything>(
      "blocks: {a: {size: 1}}\n",
      {"blocks.a.activation=relu", "blocks.b.size=5", "extra.size=6", "weights={x: 1}", "weights.y=2"});
  EXPECT_EQ(value.blocks, (std::map<std::string, FeedForward>{{"a", {1, Activation::relu}}, {"b", {5}}}));
  EXPECT_EQ(value.extra, FeedForward{6});
  EXPECT_EQ(value.weights, (std::map<std::string, double>{{"x", 1}, {"y", 2}}));
  EXPECT_EQ(value_of<Everything>("", {"feed_forward.size=2"}).feed_forward.size, 2);
}

TEST(OverridesTest, LaterOnesWin) { EXPECT_EQ(value_of<Everything>("", {"count=1", "count=2"}).count, 2); }

TEST(OverridesTest, AVariantOfAnotherTypeStartsAnewInAnyOrder) {
  const std::string text = "mixer: {type: mamba, state_size: 4}\n";
  const Mixer::Alternatives expected = Attention{3};
  EXPECT_EQ(value_of<Block>(text, {"mixer.type=attention", "mixer.heads=3"}).mixer.value, expected);
  EXPECT_EQ(value_of<Block>(text, {"mixer.heads=3", "mixer.type=attention"}).mixer.value, expected);
  EXPECT_EQ(value_of<Block>(text, {"mixer.state_size=3"}).mixer.value, Mixer::Alternatives(Mamba{3}));
}

TEST(OverridesTest, QuotedValuesAreStrings) {
  EXPECT_EQ(value_of<Everything>("", {"name=\"\""}).name, "");
  EXPECT_EQ(value_of<Everything>("", {"name='#1: x'"}).name, "#1: x");
}

using Case = std::pair<std::string, std::string>;

class OverridesErrorTest : public ::testing::TestWithParam<Case> {};

TEST_P(OverridesErrorTest, NamesTheCommandLine) {
  EXPECT_EQ(error_of<Everything>("sizes: [1]\ncount: 1\n", {GetParam().first}), GetParam().second);
}

INSTANTIATE_TEST_SUITE_P(
    Each, OverridesErrorTest,
    ::testing::Values(
        Case{"count=x", "command line: count: expected an integer, got 'x'"},
        Case{"count=", "command line: count: expected an integer, got null"},
        Case{"feed_forward.sise=1",
             "command line: feed_forward.sise: expected one of size, activation, got an unknown key; did you "
             "mean "
             "'size'?"},
        Case{"count.x=1", "command line: count: expected an integer, got a map"},
        Case{"sizes.0=1", "command line: sizes: expected a list, got a map"},
        Case{"count", "command line: expected key.path=value, got 'count'"},
        Case{"=1", "command line: expected key.path=value, got '=1'"},
        Case{"a..b=1", "command line: expected key.path=value, got 'a..b=1'"},
        Case{".a=1", "command line: expected key.path=value, got '.a=1'"},
        Case{"a.=1", "command line: expected key.path=value, got 'a.=1'"},
        Case{"", "command line: expected key.path=value, got ''"},
        Case{"\xff=1", "command line: expected key.path=value, got '\xff=1'"},
        Case{"extends=a.yaml", "command line: extends: expected it in a file only, got an override"},
        Case{"name=a: b", "command line: name: expected valid YAML, got an error (illegal map value)"},
        Case{"sizes=- 1", "command line: sizes: expected valid YAML, got an error (illegal block entry)"},
        Case{"name=x #1", "command line: name: expected a value without a comment (quote it), got 'x #1'"},
        Case{"name=#1", "command line: name: expected a value without a comment (quote it), got '#1'"},
        Case{"name=| x",
             "command line: name: expected valid YAML, got an error (unexpected character in block scalar)"},
        Case{"name=>", "command line: name: expected a value without a block marker (quote it), got '>'"},
        Case{"name=a\nb", "command line: name: expected a value in one line, got 'a\\nb'"},
        Case{"sizes=[1, 99]", "command line: sizes[1]: expected an integer from 1 to 64, got '99'"},
        Case{"weights={a: 1, a: 2}",
             "command line: weights.a: expected each key once, got a second one (the first is in line 1)"},
        Case{"name=&a b", "command line: name: expected a value written out, got an anchor"},
        Case{"count=\t1", "command line: count: expected spaces, got a tab"}));

TEST(OverridesTest, SyntaxErrorsNameTheKey) {
  for (const auto& [override, place] : {Case{"sizes=[1", "sizes[1]"}, Case{"name=\"x", "name"}}) {
    const std::string error = error_of<Everything>("", {override});
    EXPECT_TRUE(error.starts_with("command line: " + place + ": expected valid YAML, got an error ("))
        << error;
  }
}

}  // namespace
}  // namespace mabert::config::testing
