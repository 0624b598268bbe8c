#include "mabert/config/write.h"

#include "options.h"

#include <bit>
#include <cmath>
#include <limits>
#include <random>
#include <string>

namespace mabert::config::testing {
namespace {

using namespace std::string_literals;

TEST(WriteTest, FieldsKeepTheirOrder) {
  Everything value;
  value.limit = 3;
  value.name = "1e3";
  value.words = {{"a", "true"}, {}};
  value.weights = {{"x y", 1}, {"1", 1e-5}};
  value.layers = {{1}, {2, Activation::relu}};
  value.blocks = {{"one", {3}}};
  EXPECT_EQ(to_yaml(value), R"(flag: true
small: -3
count: 7
seed: 1
rate: 0.5
temperature: 1.0
name: "1e3"
folder: out/run
limit: 3
sizes: [1, 2]
switches: []
words: [[a, "true"], []]
weights:
  "1": 1.0e-05
  x y: 1.0
feed_forward:
  size: 3072
  activation: gelu
extra: null
layers:
  - size: 1
    activation: gelu
  - size: 2
    activation: relu
blocks:
  one:
    size: 3
    activation: gelu
)");
}

struct Scalars {
  std::vector<double> numbers;
  std::vector<std::string> texts;
  std::map<std::string, std::string> named;
  std::vector<int64_t> integers;
  std::vector<uint64_t> naturals;
  std::filesystem::path path;

  template <class Self, class Visitor>
  static void visit_fields(Self& self, Visitor& visit) {
    visit("numbers", self.numbers, "");
    visit("texts", self.texts, "");
    visit("named", self.named, "");
    visit("integers", self.integers, "");
    visit("naturals", self.naturals, "");
    visit("path", self.path, "");
  }
  bool operator==(const Scalars&) const = default;
};

void expect_round_trip(const Scalars& value) {
  const std::string text = to_yaml(value);
  const auto again = value_of<Scalars>(text);
  EXPECT_EQ(again, value) << text;
  for (size_t i = 0; i < value.numbers.size(); ++i) {  // -0.0 == 0.0
    EXPECT_EQ(std::bit_cast<uint64_t>(again.numbers.at(i)), std::bit_cast<uint64_t>(value.numbers[i]))
        << text;
  }
}

TEST(WriteTest, HardScalarsRoundTrip) {
  using Double = std::numeric_limits<double>;
  Scalars value;
  value.numbers = {0.0,
                   -0.0,
                   1,
                   -1,
                   0.1,
                   1.0 / 3,
                   1e-5,
                   1e22,
                   1e23,
                   123456789012345678.0,
                   Double::min(),
                   Double::max(),
                   Double::lowest(),
                   Double::denorm_min(),
                   std::nextafter(1.0, 2.0)};
  value.texts = {"",
                 " ",
                 "a",
                 "true",
                 "False",
                 "no",
                 "Y",
                 "on",
                 "~",
                 "null",
                 "NULL",
                 "1",
                 "-1",
                 "0755",
                 "1e3",
                 ".5",
                 ".inf",
                 ".nan",
                 "0x1f",
                 "1_000",
                 "12:30",
                 "a: b",
                 "a #b",
                 "#",
                 "a:",
                 "- a",
                 "-",
                 "?",
                 "[",
                 "]",
                 "{}",
                 ",",
                 "a,b",
                 "&a",
                 "*a",
                 "!a",
                 "|",
                 ">",
                 "@",
                 "`",
                 "%",
                 "'",
                 "\"",
                 "\\",
                 "\\n",
                 "two\nlines\n",
                 "\ttab",
                 "cr\r\n",
                 "nul\0!"s,
                 "\x01\x1b\x7f",
                 "---",
                 "...",
                 "<<",
                 "=",
                 " lead",
                 "trail ",
                 "\u00e4\u4e2d\U0001F600",
                 "\u0085",
                 "\u2028",
                 "\ufeff",
                 "./a/b",
                 "../x.yaml",
                 "/abs/p q",
                 "a-b_c.d"};
  for (const std::string& text : value.texts) value.named[text] = text;
  value.texts.emplace_back(5000, 'x');
  value.named[std::string(1024, 'x')] = "";
  value.integers = {0, std::numeric_limits<int64_t>::min(), std::numeric_limits<int64_t>::max()};
  value.naturals = {0, std::numeric_limits<uint64_t>::max()};
  value.path = "a folder/\u00e4 #1: x";
  expect_round_trip(value);
}

TEST(WriteTest, RandomScalarsRoundTrip) {
  std::mt19937_64 random(7);
  const std::vector<std::string> pieces = {"a", "1", " ",  "\n", "\"", "'",  "\\",     ":",          "#",
                                           "-", ",", "[",  "}",  "~",  "\t", "\u00e9", "\U0001F680", "e",
                                           ".", "0", "\r", "x",  "!",  "&",  "%"};
  for (int round = 0; round < 300; ++round) {
    Scalars value;
    for (int i = 0; i < 20; ++i) {
      const double number = std::bit_cast<double>(random());
      if (std::isfinite(number)) value.numbers.push_back(number);
      std::string text;
      for (uint64_t length = random() % 8; length > 0; --length) text += pieces[random() % pieces.size()];
      value.texts.push_back(text);
      value.named[text] = text;
      value.integers.push_back(static_cast<int64_t>(random()) >> (random() % 64));
      value.naturals.push_back(random() >> (random() % 64));
    }
    ASSERT_NO_FATAL_FAILURE(expect_round_trip(value));
    if (HasFailure()) break;
  }
}

TEST(WriteTest, ChangedDefaultsRoundTrip) {
  Model model;
  model.mixer = Mixer{Parallel{}};
  model.blocks["x"].mixer = Mixer{Attention{4, 0.25}};
  model.width = 64;
  const Study run{model, {Model{}, model}};
  EXPECT_EQ(value_of<Study>(to_yaml(run)), run);
  Everything value;
  value.sizes.clear();
  value.extra = FeedForward{};
  EXPECT_EQ(value_of<Everything>(to_yaml(value)), value);
}

TEST(WriteTest, WhatNoFileCanSayIsRefused) {
  Scalars value;
  value.numbers = {std::nan("")};
  EXPECT_THROW(to_yaml(value), UsageError);
  value.numbers = {std::numeric_limits<double>::infinity()};
  EXPECT_THROW(to_yaml(value), UsageError);
  value.numbers.clear();
  value.path = "\xff";
  EXPECT_THROW(to_yaml(value), UsageError);
  value.path = "";
  value.named[std::string(1025, 'x')] = "";
  EXPECT_THROW(to_yaml(value), UsageError);
}

}  // namespace
}  // namespace mabert::config::testing
