#pragma once

#include <cstddef>
#include <optional>
#include <span>
#include <string>
#include <string_view>

/// Text as messages and files need it.
namespace mabert::config {

/// User text fit for one line of a message: control characters escaped, long text cut.
std::string one_line(std::string_view text);

/// Offset of the first byte that is not part of valid UTF-8.
std::optional<size_t> find_invalid_utf8(std::string_view text);

/// The name nearest to the word by edits (insert, delete, replace, swap), if one is near.
std::optional<std::string_view> nearest(std::string_view word, std::span<const std::string_view> names);

std::string join(std::span<const std::string_view> names);

/// `0xNN`.
std::string hex_byte(unsigned char byte);

}  // namespace mabert::config
