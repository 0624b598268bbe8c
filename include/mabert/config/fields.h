#pragma once

#include <array>
#include <cstddef>
#include <limits>
#include <optional>
#include <string>
#include <string_view>

namespace mabert::config {

/// The numbers a field accepts. Held as double: bounds beyond 2^53 are not exact.
/// On a list, map or optional it applies to each element.
struct Range {
  double low = -std::numeric_limits<double>::infinity();
  double high = std::numeric_limits<double>::infinity();
  bool low_excluded = false;

  constexpr bool contains(double value) const {
    return (low_excluded ? value > low : value >= low) && value <= high;
  }
};

template <class Number>
constexpr Range at_least(Number low) {
  return {.low = static_cast<double>(low)};
}

template <class Number>
constexpr Range at_most(Number high) {
  return {.high = static_cast<double>(high)};
}

/// Both ends belong to the range.
template <class Low, class High>
constexpr Range between(Low low, High high) {
  return {.low = static_cast<double>(low), .high = static_cast<double>(high)};
}

/// The bound itself does not belong to the range.
template <class Number>
constexpr Range above(Number low) {
  return {.low = static_cast<double>(low), .low_excluded = true};
}

/// " >= 1", " > 0", " from 0 to 1", "": completes "a number" in messages.
std::string range_text(const Range& range);

/// What `std::optional<Problem> validate() const` of an options struct returns when fields contradict each
/// other.
struct Problem {
  std::string key;  ///< relative to the struct, dotted: "blocks.mamba.mixer.heads", "layers[2].size"; "" is
                    ///< the struct
  std::string expected;  ///< completes "expected ..."
  std::string got;       ///< completes "got ..."; may be empty
};

template <class Enum>
struct EnumName {
  std::string_view name;
  Enum value;
};
template <class Enum>
EnumName(std::string_view, Enum) -> EnumName<Enum>;

/// Specialise beside the enum: `static constexpr std::array names{EnumName{"gelu", Activation::gelu}, ...};`.
template <class Enum>
struct EnumNames;

/// The name of a value; "?" for a value without one.
template <class Enum>
constexpr std::string_view enum_name(Enum value) {
  for (const auto& entry : EnumNames<Enum>::names) {
    if (entry.value == value) return entry.name;
  }
  return "?";
}

}  // namespace mabert::config
