#include "mabert/data/utf8.h"

#include <cstdint>
#include <cstring>

namespace mabert::data {
namespace {

struct Lead {
  std::size_t length;
  unsigned char second_low, second_high;
};

// Bytes a character has, and the range of its second byte, from its first byte; length 0: no character begins
// so.
Lead classify(unsigned char first) {
  if (first < 0x80) return {1, 0, 0};
  if (first < 0xC2) return {0, 0, 0};
  if (first < 0xE0) return {2, 0x80, 0xBF};
  if (first == 0xE0) return {3, 0xA0, 0xBF};
  if (first == 0xED) return {3, 0x80, 0x9F};
  if (first < 0xF0) return {3, 0x80, 0xBF};
  if (first == 0xF0) return {4, 0x90, 0xBF};
  if (first < 0xF4) return {4, 0x80, 0xBF};
  if (first == 0xF4) return {4, 0x80, 0x8F};
  return {0, 0, 0};
}

bool is_continuation(unsigned char byte) { return (byte & 0xC0) == 0x80; }

}  // namespace

std::optional<std::size_t> find_invalid_utf8(std::string_view text) {
  std::size_t at = 0;
  while (at < text.size()) {
    std::uint64_t eight = 0;
    if (at + 8 <= text.size()) {
      std::memcpy(&eight, text.data() + at, 8);
      if ((eight & 0x8080808080808080ull) == 0) {
        at += 8;
        continue;
      }
    }
    const auto byte = [&](std::size_t i) { return static_cast<unsigned char>(text[at + i]); };
    const Lead lead = classify(byte(0));
    if (lead.length == 0 || at + lead.length > text.size()) return at;
    if (lead.length > 1 && (byte(1) < lead.second_low || byte(1) > lead.second_high)) return at;
    for (std::size_t i = 2; i < lead.length; ++i) {
      if (!is_continuation(byte(i))) return at;
    }
    at += lead.length;
  }
  return std::nullopt;
}

std::size_t character_boundary(std::string_view text, std::size_t position) {
  if (position >= text.size()) return text.size();
  while (position > 0 && is_continuation(static_cast<unsigned char>(text[position]))) --position;
  return position;
}

}  // namespace mabert::data
