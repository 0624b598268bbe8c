#pragma once

#include <filesystem>
#include <limits>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <variant>
#include <vector>

#include "mabert/config/document.h"
#include "mabert/config/reader.h"
#include "mabert/config/traits.h"

namespace mabert::config {
namespace detail {

template <class T>
void read_value(Reader& reader, const Node& node, T& value, const Range& range);

/// The visitor that fills the fields of one struct from a map.
class FieldReader {
 public:
  FieldReader(Reader& reader, const Node& map) : reader_(reader), map_(map) {}

  template <class T>
  void operator()(std::string_view key, T& member, std::string_view /*doc*/) {
    take(key, member, Range{});
  }
  template <class T>
  void operator()(std::string_view key, T& member, const Range& range, std::string_view /*doc*/) {
    static_assert(holds_numbers<T>(), "a range needs a number");
    take(key, member, range);
  }

  void know(std::string_view key) { known_.push_back(key); }
  const std::vector<std::string_view>& known() const { return known_; }

 private:
  template <class T>
  void take(std::string_view key, T& member, const Range& range) {
    know(key);
    if (const Node* node = map_.find(key)) {
      const Reader::Scope scope(reader_, key);
      read_value(reader_, *node, member, range);
    }
  }

  Reader& reader_;
  const Node& map_;
  std::vector<std::string_view> known_;
};

/// A validation sees only structs whose fields could all be read.
template <class T>
void validate(Reader& reader, const Node& map, const T& value, size_t problems_before) {
  if constexpr (requires { value.validate(); }) {
    if (reader.problem_count() != problems_before) return;
    if (const std::optional<Problem> problem = value.validate()) reader.add(map, *problem);
  }
}

template <class T>
void read_fields(Reader& reader, const Node& map, T& value, std::string_view type) {
  const size_t before = reader.problem_count();
  FieldReader visit(reader, map);
  if (!type.empty()) visit.know("type");
  T::visit_fields(value, visit);
  reader.expect_keys(map, visit.known(), type);
  validate(reader, map, value, before);
}

/// Without a `type` the alternative that the value already holds is kept, with its values.
template <class T>
void read_alternative(Reader& reader, const Node& node, T& options) {
  const Node& map = node.of_type ? *node.of_type : node;
  const size_t before = reader.problem_count();
  if (const Node* type = map.find("type")) {
    const Reader::Scope scope(reader, "type");
    const auto index = reader.read_choice(*type, alternative_names<T>());
    if (!index) return;
    if (*index != options.value.index()) {
      size_t i = 0;
      for_each_alternative(&options.value, [&]<class A>() {
        if (i++ == *index) options.value.template emplace<A>();
      });
    }
  }
  std::visit([&](auto& value) { read_fields(reader, map, value, std::decay_t<decltype(value)>::kType); },
             options.value);
  validate(reader, map, options, before);
}

template <class T>
void read_value(Reader& reader, const Node& node, T& value, const Range& range) {
  static_assert(Supported<T>, "not a type that a config field can have");
  if constexpr (Optional<T>) {
    if (node.kind == Node::Kind::null) {
      value.reset();
    } else {
      if (!value) value.emplace();
      read_value(reader, node, *value, range);
    }
  } else if constexpr (NamedEnum<T>) {
    if (const auto index = reader.read_choice(node, enum_names<T>()))
      value = EnumNames<T>::names[*index].value;
  } else if constexpr (TaggedVariant<T>) {
    if (reader.expect_map(node)) read_alternative(reader, node, value);
  } else if constexpr (Fields<T>) {
    if (reader.expect_map(node)) read_fields(reader, node, value, "");
  } else if constexpr (List<T>) {
    if (!reader.expect_list(node)) return;
    value.clear();
    for (size_t i = 0; i < node.children.size(); ++i) {
      const Reader::Scope scope(reader, i);
      typename T::value_type item{};
      read_value(reader, node.children[i], item, range);
      value.push_back(std::move(item));
    }
  } else if constexpr (TextMap<T>) {
    if (!reader.expect_map(node)) return;
    value.clear();
    for (const Node& child : node.children) {
      const Reader::Scope scope(reader, child.key);
      read_value(reader, child, value[child.key], range);
    }
  } else if constexpr (Integer<T>) {
    using Limits = std::numeric_limits<T>;
    if constexpr (std::is_signed_v<T>) {
      if (const auto number = reader.read_signed(node, Limits::min(), Limits::max(), range)) {
        value = static_cast<T>(*number);
      }
    } else if (const auto number = reader.read_unsigned(node, Limits::max(), range)) {
      value = static_cast<T>(*number);
    }
  } else if constexpr (std::is_same_v<T, double>) {
    reader.read(node, value, range);
  } else {
    reader.read(node, value);
  }
}

}  // namespace detail

/// The options a document describes. A field that is absent keeps its default; a list or map that is present
/// replaces its default. Errors: UsageError, one line `file:line:column: key.path: expected ..., got ...` for
/// each of the first ten problems.
template <class T>
T read(const Document& document) {
  T value{};
  Reader reader;
  detail::read_value(reader, document.root, value, Range{});
  reader.finish();
  return value;
}

template <class T>
T load_config(const std::filesystem::path& path, const std::vector<std::string>& overrides = {}) {
  return read<T>(load(path, overrides));
}

}  // namespace mabert::config
