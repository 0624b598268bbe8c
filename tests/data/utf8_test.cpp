#include "mabert/data/utf8.h"

#include <string>

#include <gtest/gtest.h>

namespace mabert::data {
namespace {

using namespace std::string_literals;

TEST(Utf8Test, AcceptsEveryCharacter) {
  std::string all;
  for (char32_t c = 1; c <= 0x10FFFF; c += (c < 0x3000 ? 1 : 251)) {
    if (c >= 0xD800 && c < 0xE000) continue;
    if (c < 0x80) {
      all += static_cast<char>(c);
    } else if (c < 0x800) {
      all += {static_cast<char>(0xC0 | c >> 6), static_cast<char>(0x80 | (c & 63))};
    } else if (c < 0x10000) {
      all += {static_cast<char>(0xE0 | c >> 12), static_cast<char>(0x80 | (c >> 6 & 63)),
              static_cast<char>(0x80 | (c & 63))};
    } else {
      all += {static_cast<char>(0xF0 | c >> 18), static_cast<char>(0x80 | (c >> 12 & 63)),
              static_cast<char>(0x80 | (c >> 6 & 63)), static_cast<char>(0x80 | (c & 63))};
    }
  }
  EXPECT_EQ(find_invalid_utf8(all), std::nullopt);
}

TEST(Utf8Test, NamesTheFirstBadByte) {
  for (const std::string& bad :
       {"\x80"s, "\xC0\x80"s, "\xC1\xBF"s, "\xE0\x9F\xBF"s, "\xED\xA0\x80"s, "\xF0\x8F\xBF\xBF"s,
        "\xF4\x90\x80\x80"s, "\xF5\x80\x80\x80"s, "\xFF"s, "\xC3"s, "\xE2\x82"s, "\xF0\x9F\x98"s,
        "\xE2\x28\xA1"s, "\xF0\x9F\x28\x80"s}) {
    for (const std::string& before : {""s, "plain ascii text "s, "\u00e9\u4e2d\U0001f600"s}) {
      EXPECT_EQ(find_invalid_utf8(before + bad + " and so on, further"), before.size());
      EXPECT_EQ(find_invalid_utf8(before + bad), before.size());
    }
  }
}

TEST(Utf8Test, BoundariesDoNotCutCharacters) {
  const std::string text = "a\u00e9\u4e2d\U0001f600z";
  EXPECT_EQ(character_boundary(text, 2), 1u);
  EXPECT_EQ(character_boundary(text, 5), 3u);
  EXPECT_EQ(character_boundary(text, 9), 6u);
  EXPECT_EQ(character_boundary(text, 10), 10u);
  EXPECT_EQ(character_boundary(text, 99), text.size());
}

}  // namespace
}  // namespace mabert::data
