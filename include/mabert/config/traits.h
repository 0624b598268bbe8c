#pragma once

#include <concepts>
#include <filesystem>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <type_traits>
#include <variant>
#include <vector>

#include "mabert/config/fields.h"

/// Which kinds of member an options struct may have. Concepts are asked only when a document is read or
/// written, so a struct may hold a vector of a type that is completed later.
namespace mabert::config {

namespace detail {

struct AnyVisitor {
  template <class... Args>
  void operator()(Args&&...) {}
};

template <class T, template <class...> class Template>
inline constexpr bool is_instance = false;
template <template <class...> class Template, class... Args>
inline constexpr bool is_instance<Template<Args...>, Template> = true;

template <class T>
struct IsTextMap : std::false_type {};
template <class T, class... Rest>
struct IsTextMap<std::map<std::string, T, Rest...>> : std::true_type {};

}  // namespace detail

/// A struct with `template <class Self, class Visitor> static void visit_fields(Self&, Visitor&)`.
template <class T>
concept Fields = std::is_class_v<T> && requires(T& value, detail::AnyVisitor& visit) {
  T::visit_fields(value, visit);
};

/// A struct with `using Alternatives = std::variant<A, B, ...>; Alternatives value;`, each alternative having
/// Fields and `static constexpr std::string_view kType`. In YAML: a map whose key `type` selects the
/// alternative.
template <class T>
concept TaggedVariant = std::is_class_v<T> && requires(T& options) {
  requires detail::is_instance<typename T::Alternatives, std::variant>;
  requires std::same_as<decltype(options.value), typename T::Alternatives>;
};

template <class T>
concept NamedEnum = std::is_enum_v<T> && requires {
  EnumNames<T>::names.size();
};

template <class T>
concept Integer = std::integral<T> && !std::same_as<T, bool> && !std::same_as<T, char>;

template <class T>
concept Optional = detail::is_instance<T, std::optional>;

template <class T>
concept List = detail::is_instance<T, std::vector>;

template <class T>
concept TextMap = detail::IsTextMap<T>::value;

template <class T>
concept Text = std::same_as<T, std::string> || std::same_as<T, std::filesystem::path>;

template <class T>
concept Supported = Fields<T> || TaggedVariant<T> || NamedEnum<T> || Integer<T> || Optional<T> || List<T> ||
    TextMap<T> || Text<T> || std::same_as<T, bool> || std::same_as<T, double>;

namespace detail {

template <class T>
constexpr bool holds_numbers() {
  if constexpr (Optional<T> || List<T>) {
    return holds_numbers<typename T::value_type>();
  } else if constexpr (TextMap<T>) {
    return holds_numbers<typename T::mapped_type>();
  } else {
    return Integer<T> || std::same_as<T, double>;
  }
}

/// Calls `function.template operator()<A>()` for each alternative A, in order.
template <class... Alternatives, class Function>
void for_each_alternative(const std::variant<Alternatives...>*, Function&& function) {
  (function.template operator()<Alternatives>(), ...);
}

template <class Options>
std::vector<std::string_view> alternative_names() {
  std::vector<std::string_view> names;
  for_each_alternative(static_cast<const typename Options::Alternatives*>(nullptr),
                       [&]<class A>() { names.push_back(A::kType); });
  return names;
}

template <NamedEnum Enum>
std::vector<std::string_view> enum_names() {
  std::vector<std::string_view> names;
  for (const auto& entry : EnumNames<Enum>::names) names.push_back(entry.name);
  return names;
}

}  // namespace detail
}  // namespace mabert::config
