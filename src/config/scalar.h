#pragma once

#include <string>
#include <string_view>

/// The notation of numbers and strings, read and written.
namespace mabert::config {

/// Decimal digits with an optional minus; no plus, no leading zeros.
bool is_integer(std::string_view text);
/// YAML 1.2's decimal numbers without infinities and leading zeros.
bool is_number(std::string_view text);
/// Digits that YAML 1.1 would read as octal.
bool has_leading_zero(std::string_view text);
/// ".inf", "-inf", "NaN" and the like.
bool is_infinite_or_nan(std::string_view text);
/// What YAML reads as null; the empty text too.
bool is_null(std::string_view text);

/// Shortest text that reads back exactly, always with a point, so that every YAML reader takes it for a
/// float.
std::string float_text(double value);
/// A bound: 1, 0.5, 100000.
std::string bound_text(double value);
/// The string as YAML, plain where every reader takes it for the same string. Errors: UsageError if not
/// UTF-8.
std::string string_text(std::string_view value);

}  // namespace mabert::config
