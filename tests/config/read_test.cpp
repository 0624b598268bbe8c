#include "options.h"

#include <algorithm>
#include <limits>
#include <string>
#include <utility>
#include <vector>

namespace mabert::config::testing {
namespace {

TEST(ReadTest, EveryTypeIsRead) {
  const auto value = value_of<Everything>(R"(
flag: false
small: -2147483648
count: -9223372036854775808
seed: 18446744073709551615
rate: 2.5e-1
temperature: 5e-324
name: a b
folder: /data/x y
limit: 5
sizes: [3, 64]
switches: [true, false]
words: [[a, "1"], []]
weights: {x: 1, "y z": .5}
feed_forward:
  size: 10
  activation: relu
extra: {activation: swish}
layers:
  - size: 1
  - {}
blocks:
  one: {size: 2}
)");
  EXPECT_FALSE(value.flag);
  EXPECT_EQ(value.small, std::numeric_limits<int>::min());
  EXPECT_EQ(value.count, std::numeric_limits<int64_t>::min());
  EXPECT_EQ(value.seed, std::numeric_limits<uint64_t>::max());
  EXPECT_EQ(value.rate, 0.25);
  EXPECT_EQ(value.temperature, std::numeric_limits<double>::denorm_min());
  EXPECT_EQ(value.name, "a b");
  EXPECT_EQ(value.folder, "/data/x y");
  EXPECT_EQ(value.limit, 5);
  EXPECT_EQ(value.sizes, (std::vector<int64_t>{3, 64}));
  EXPECT_EQ(value.switches, (std::vector<bool>{true, false}));
  EXPECT_EQ(value.words, (std::vector<std::vector<std::string>>{{"a", "1"}, {}}));
  EXPECT_EQ(value.weights, (std::map<std::string, double>{{"x", 1}, {"y z", 0.5}}));
  EXPECT_EQ(value.feed_forward, (FeedForward{10, Activation::relu}));
  EXPECT_EQ(value.extra, (FeedForward{3072, Activation::swish}));
  EXPECT_EQ(value.layers, (std::vector<FeedForward>{{1, Activation::gelu}, {}}));
  EXPECT_EQ(value.blocks, (std::map<std::string, FeedForward>{{"one", {2, Activation::gelu}}}));
}

TEST(ReadTest, AbsentFieldsKeepTheirDefaults) {
  for (const char* text : {"", "\n\n", "# only a comment\n", "---\n", "{}", "~", "\xEF\xBB\xBF"}) {
    EXPECT_EQ(value_of<Everything>(text), Everything{}) << text;
  }
  EXPECT_EQ(value_of<Everything>("feed_forward: {activation: relu}\n").feed_forward.size, 3072);
}

TEST(ReadTest, NullIsAbsence) {
  for (const char* text : {"limit:\n", "limit: ~\n", "limit: null\n"}) {
    EXPECT_FALSE(value_of<Everything>(text).limit.has_value()) << text;
  }
}

TEST(ReadTest, WindowsLineEndsAreAccepted) {
  EXPECT_EQ(value_of<Everything>("count: 3\r\nname: x\r\n").count, 3);
  EXPECT_EQ(value_of<Everything>("count: 3\r\nname: x\r\n").name, "x");
}

TEST(ReadTest, PlainTextOfAnyLookIsAString) {
  for (const char* text : {"0755", "1e3", "true", "no", "16_384", ".nan"}) {
    EXPECT_EQ(value_of<Everything>(std::string("name: ") + text).name, text);
  }
  EXPECT_EQ(value_of<Everything>("name: \"~\"").name, "~");
  EXPECT_EQ(value_of<Everything>("name: |\n  two\n  lines\n").name, "two\nlines\n");
}

using Case = std::pair<std::string, std::string>;

class ReadErrorTest : public ::testing::TestWithParam<Case> {};

TEST_P(ReadErrorTest, SaysWhereAndWhat) {
  EXPECT_EQ(error_of<Everything>(GetParam().first), GetParam().second);
}

INSTANTIATE_TEST_SUITE_P(
    Types, ReadErrorTest,
    ::testing::Values(
        Case{"flag: yes", "x.yaml:1:7: flag: expected true or false, got 'yes'"},
        Case{"flag: \"true\"", "x.yaml:1:7: flag: expected true or false, got the string 'true'"},
        Case{"name: x\ncount: many", "x.yaml:2:8: count: expected an integer, got 'many'"},
        Case{"count: \"1\"", "x.yaml:1:8: count: expected an integer, got the string '1'"},
        Case{"count: 1.0", "x.yaml:1:8: count: expected an integer, got '1.0'"},
        Case{"count: 1e3", "x.yaml:1:8: count: expected an integer, got '1e3'"},
        Case{"count: +1", "x.yaml:1:8: count: expected an integer, got '+1'"},
        Case{"count: 0x10", "x.yaml:1:8: count: expected an integer, got '0x10'"},
        Case{"count: 0o17", "x.yaml:1:8: count: expected an integer, got '0o17'"},
        Case{"count: 16_384", "x.yaml:1:8: count: expected an integer, got '16_384'"},
        Case{"count: 0755", "x.yaml:1:8: count: expected an integer, got '0755' (leading zero)"},
        Case{"count: ~", "x.yaml:1:1: count: expected an integer, got null"},
        Case{"count:\nname: x", "x.yaml:1:1: count: expected an integer, got null"},
        Case{"count: [1]", "x.yaml:1:8: count: expected an integer, got a list"},
        Case{"count:\n  a: 1", "x.yaml:2:3: count: expected an integer, got a map"},
        Case{"count: 9223372036854775808",
             "x.yaml:1:8: count: expected an integer from -9223372036854775808 to 9223372036854775807, got "
             "'9223372036854775808'"},
        Case{"small: 2147483648", "x.yaml:1:8: small: expected an integer <= 100, got '2147483648'"},
        Case{"small: 101", "x.yaml:1:8: small: expected an integer <= 100, got '101'"},
        Case{"seed: -1", "x.yaml:1:7: seed: expected an integer from 0 to 18446744073709551615, got '-1'"},
        Case{"seed: x", "x.yaml:1:7: seed: expected an integer >= 0, got 'x'"},
        Case{"rate: 1.5", "x.yaml:1:7: rate: expected a number from 0 to 1, got '1.5'"},
        Case{"rate: .nan", "x.yaml:1:7: rate: expected a finite number from 0 to 1, got '.nan'"},
        Case{"temperature: .inf", "x.yaml:1:14: temperature: expected a finite number > 0, got '.inf'"},
        Case{"temperature: 1e999", "x.yaml:1:14: temperature: expected a finite number > 0, got '1e999'"},
        Case{"temperature: 0", "x.yaml:1:14: temperature: expected a number > 0, got '0'"},
        Case{"temperature: 01.5",
             "x.yaml:1:14: temperature: expected a number > 0, got '01.5' (leading zero)"},
        Case{"temperature: 1.5.2", "x.yaml:1:14: temperature: expected a number > 0, got '1.5.2'"},
        Case{"name: ~", "x.yaml:1:1: name: expected a string, got null"},
        Case{"name: {a: 1}", "x.yaml:1:7: name: expected a string, got a map"},
        Case{"folder: [a]", "x.yaml:1:9: folder: expected a path, got a list"},
        Case{"limit: 0", "x.yaml:1:8: limit: expected an integer >= 1, got '0'"},
        Case{"sizes: 3", "x.yaml:1:8: sizes: expected a list, got '3'"},
        Case{"sizes:\n  - 1\n  - 65", "x.yaml:3:5: sizes[1]: expected an integer from 1 to 64, got '65'"},
        Case{"words: [[a], [b, ~]]", "x.yaml:1:18: words[1][1]: expected a string, got null"},
        Case{"weights: [1]", "x.yaml:1:10: weights: expected a map, got a list"},
        Case{"weights: {x: 1, y: -1}", "x.yaml:1:20: weights.y: expected a number >= 0, got '-1'"},
        Case{"feed_forward: 3", "x.yaml:1:15: feed_forward: expected a map, got '3'"},
        Case{"feed_forward: {size: 0}", "x.yaml:1:22: feed_forward.size: expected an integer >= 1, got '0'"},
        Case{"layers:\n  - size: 1\n  - size: x",
             "x.yaml:3:11: layers[1].size: expected an integer >= 1, got 'x'"},
        Case{"feed_forward: {activation: gleu}",
             "x.yaml:1:28: feed_forward.activation: expected one of gelu, relu, swish, got 'gleu'; did you "
             "mean "
             "'gelu'?"},
        Case{"feed_forward: {activation: tanh}",
             "x.yaml:1:28: feed_forward.activation: expected one of gelu, relu, swish, got 'tanh'"},
        Case{"feed_forward:\n  sizes: 3",
             "x.yaml:2:3: feed_forward.sizes: expected one of size, activation, got an unknown key; did you "
             "mean "
             "'size'?"},
        Case{"blocks: {a: {qqqqq: 3}}",
             "x.yaml:1:14: blocks.a.qqqqq: expected one of size, activation, got an unknown key"},
        Case{"- 1", "x.yaml:1:1: expected a map, got a list"},
        Case{"word", "x.yaml:1:1: expected a map, got 'word'"},
        // Columns count characters, not bytes.
        Case{"weights: {\"\u00e4\u00f6\": x}",
             "x.yaml:1:17: weights.\u00e4\u00f6: expected a number >= 0, got 'x'"},
        Case{"count: \"a\\nb\\e\"", "x.yaml:1:8: count: expected an integer, got the string 'a\\nb\\x1b'"}));

TEST(ReadTest, LongTextIsCutInMessages) {
  EXPECT_EQ(error_of<Everything>("count: " + std::string(1000, 'x')),
            "x.yaml:1:8: count: expected an integer, got '" + std::string(60, 'x') + "...'");
}

TEST(ReadTest, ListsAreBounded) {
  std::string text = "sizes: [1";
  for (size_t i = 1; i < Reader::kMaxListLength; ++i) text += ",1";
  EXPECT_EQ(value_of<Everything>(text + "]").sizes.size(), Reader::kMaxListLength);
  EXPECT_EQ(error_of<Everything>(text + ",1]"), "x.yaml:1:8: sizes: expected at most 65536 items, got 65537");
}

TEST(ReadTest, TheFirstTenProblemsAreListed) {
  EXPECT_EQ(error_of<Everything>("flag: 1\ncount: x\nfeed_forward: {size: 0}\n"),
            "x.yaml:1:7: flag: expected true or false, got '1'\n"
            "x.yaml:2:8: count: expected an integer, got 'x'\n"
            "x.yaml:3:22: feed_forward.size: expected an integer >= 1, got '0'");
  std::string text = "sizes:\n";
  for (int i = 0; i < 20; ++i) text += "  - x\n";
  const std::string error = error_of<Everything>(text);
  EXPECT_EQ(std::count(error.begin(), error.end(), '\n'), 9);
}

}  // namespace
}  // namespace mabert::config::testing
