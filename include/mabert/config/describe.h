#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <type_traits>
#include <typeindex>
#include <typeinfo>
#include <variant>
#include <vector>

#include "mabert/config/fields.h"
#include "mabert/config/traits.h"
#include "mabert/config/write.h"

namespace mabert::config {

/// Collects the lines of a reference listing; the untyped half of `describe<T>`.
class Listing {
 public:
  /// `key: value  # type. doc`, each part left out where empty.
  void line(std::string_view key, std::string_view value, std::string_view type, std::string_view doc);
  void note(std::string_view text);
  void indent() { depth_ += 2; }
  void outdent();
  /// Lines up to the matching `end_comment` become comments at the present indent.
  void begin_comment();
  void end_comment();
  /// False when the type is being listed already, further out.
  bool enter(std::type_index type);
  void leave() { open_.pop_back(); }
  const std::string& text() const { return text_; }

 private:
  void put(std::string_view line);

  std::string text_;
  size_t depth_ = 0;
  size_t comments_ = 0;
  std::optional<size_t> comment_depth_;
  std::vector<std::type_index> open_;
};

std::string choices_text(const std::vector<std::string_view>& names);

namespace detail {

template <class T>
std::string type_text(const Range& range) {
  if constexpr (Optional<T>) {
    return type_text<typename T::value_type>(range) + " or null";
  } else if constexpr (List<T>) {
    return "list of " + type_text<typename T::value_type>(range);
  } else if constexpr (TextMap<T>) {
    return "map of names to " + type_text<typename T::mapped_type>(range);
  } else if constexpr (NamedEnum<T>) {
    return "one of " + choices_text(enum_names<T>());
  } else if constexpr (std::is_same_v<T, bool>) {
    return "true or false";
  } else if constexpr (Integer<T>) {
    return "integer" + range_text(range);
  } else if constexpr (std::is_same_v<T, double>) {
    return "number" + range_text(range);
  } else if constexpr (std::is_same_v<T, std::filesystem::path>) {
    return "path";
  } else if constexpr (Text<T>) {
    return "text";
  } else {
    return "section";
  }
}

template <class T>
void list_section(Listing& listing, const T& value);

/// Whether the type contains a struct, reached through optionals, lists and maps, that a listing should show.
template <class T>
constexpr bool holds_section() {
  if constexpr (Optional<T> || List<T>) {
    return holds_section<typename T::value_type>();
  } else if constexpr (TextMap<T>) {
    return holds_section<typename T::mapped_type>();
  } else {
    return Fields<T> || TaggedVariant<T>;
  }
}

/// The lines that a list or map of structs may hold, as a comment.
template <class T>
void list_shape(Listing& listing) {
  if constexpr (Optional<T>) {
    list_shape<typename T::value_type>(listing);
  } else if constexpr (List<T>) {
    listing.line("-", "", "", "each item:");
    listing.indent();
    list_shape<typename T::value_type>(listing);
    listing.outdent();
  } else if constexpr (TextMap<T>) {
    listing.line("NAME", "", "", "");
    listing.indent();
    list_shape<typename T::mapped_type>(listing);
    listing.outdent();
  } else {
    list_section(listing, T{});
  }
}

class FieldLister {
 public:
  explicit FieldLister(Listing& listing) : listing_(listing) {}

  template <class T>
  void operator()(std::string_view key, const T& member, std::string_view doc) {
    (*this)(key, member, Range{}, doc);
  }
  template <class T>
  void operator()(std::string_view key, const T& member, const Range& range, std::string_view doc) {
    if constexpr (Fields<T> || TaggedVariant<T>) {
      listing_.line(key, "", "", doc);
      listing_.indent();
      list_section(listing_, member);
      listing_.outdent();
    } else {
      listing_.line(key, emit_flow(to_node(member)), type_text<T>(range), doc);
      if constexpr (holds_section<T>()) {
        listing_.indent();
        listing_.begin_comment();
        list_shape<T>(listing_);
        listing_.end_comment();
        listing_.outdent();
      }
    }
  }

 private:
  Listing& listing_;
};

template <class T>
void list_section(Listing& listing, const T& value) {
  if (!listing.enter(typeid(T))) {
    listing.note("as above");
    return;
  }
  FieldLister visit(listing);
  if constexpr (TaggedVariant<T>) {
    std::visit(
        [&](const auto& held) {
          using Held = std::decay_t<decltype(held)>;
          listing.line("type", Held::kType, "one of " + choices_text(alternative_names<T>()), "");
          Held::visit_fields(held, visit);
        },
        value.value);
    size_t i = 0;
    for_each_alternative(&value.value, [&]<class A>() {
      if (i++ == value.value.index()) return;
      listing.begin_comment();
      listing.line("type", A::kType, "", "");
      const A other{};
      A::visit_fields(other, visit);
      listing.end_comment();
    });
  } else {
    T::visit_fields(value, visit);
  }
  listing.leave();
}

}  // namespace detail

/// A reference listing: every field with its value here, type, range and meaning. The text is itself a config
/// file that reads as `value`; other alternatives, and what lists and maps of structs may hold, are comments
/// in it.
template <class T>
std::string describe(const T& value) {
  Listing listing;
  detail::list_section(listing, value);
  return listing.text();
}

}  // namespace mabert::config
