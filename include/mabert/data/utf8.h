#pragma once

#include <cstddef>
#include <optional>
#include <string_view>

namespace mabert::data {

/// Byte index of the first byte that does not belong to well-formed UTF-8 (overlong forms, surrogates and
/// values above U+10FFFF are not well-formed); nothing when all of `text` is. Source: Unicode 15, table 3-7.
std::optional<std::size_t> find_invalid_utf8(std::string_view text);

/// The last position at or before `position` that does not cut a character of valid UTF-8 in two.
std::size_t character_boundary(std::string_view text, std::size_t position);

}  // namespace mabert::data
