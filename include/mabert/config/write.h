#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <variant>

#include "mabert/config/document.h"
#include "mabert/config/fields.h"
#include "mabert/config/traits.h"

namespace mabert::config {

/// A node as YAML text: maps in block style, lists of scalars in one line.
std::string emit(const Node& node);
/// The same in one line, without a line end.
std::string emit_flow(const Node& node);

namespace detail {

Node number_node(int64_t value);
Node number_node(uint64_t value);
Node number_node(double value);
Node bool_node(bool value);
Node text_node(std::string text);

template <class T>
Node to_node(const T& value);

/// The visitor that turns the fields of one struct into the entries of a map.
class FieldWriter {
 public:
  explicit FieldWriter(Node& map) : map_(map) {}

  template <class T>
  void operator()(std::string_view key, const T& member, std::string_view /*doc*/) {
    add(key, to_node(member));
  }
  template <class T>
  void operator()(std::string_view key, const T& member, const Range& /*range*/, std::string_view /*doc*/) {
    add(key, to_node(member));
  }
  void add(std::string_view key, Node node) {
    node.key = key;
    map_.children.push_back(std::move(node));
  }

 private:
  Node& map_;
};

template <class T>
Node to_node(const T& value) {
  static_assert(Supported<T>, "not a type that a config field can have");
  Node node;
  if constexpr (Optional<T>) {
    if (value) return to_node(*value);
  } else if constexpr (NamedEnum<T>) {
    return text_node(std::string(enum_name(value)));
  } else if constexpr (TaggedVariant<T>) {
    node.kind = Node::Kind::map;
    FieldWriter visit(node);
    std::visit(
        [&](const auto& alternative) {
          using Alternative = std::decay_t<decltype(alternative)>;
          visit.add("type", text_node(std::string(Alternative::kType)));
          Alternative::visit_fields(alternative, visit);
        },
        value.value);
  } else if constexpr (Fields<T>) {
    node.kind = Node::Kind::map;
    FieldWriter visit(node);
    T::visit_fields(value, visit);
  } else if constexpr (List<T>) {
    node.kind = Node::Kind::list;
    for (const typename T::value_type& item : value) node.children.push_back(to_node(item));
  } else if constexpr (TextMap<T>) {
    node.kind = Node::Kind::map;
    FieldWriter visit(node);
    for (const auto& [key, item] : value) visit.add(key, to_node(item));
  } else if constexpr (std::is_same_v<T, bool>) {
    return bool_node(value);
  } else if constexpr (std::is_same_v<T, double>) {
    return number_node(value);
  } else if constexpr (Integer<T>) {
    return number_node(static_cast<std::conditional_t<std::is_signed_v<T>, int64_t, uint64_t>>(value));
  } else if constexpr (std::is_same_v<T, std::filesystem::path>) {
    return text_node(value.string());
  } else {
    return text_node(value);
  }
  return node;
}

}  // namespace detail

/// All fields in their order, so that `read<T>` of the text gives the same value again.
/// Errors: UsageError for what no config file can say: a number that is not finite, text that is not UTF-8.
template <class T>
std::string to_yaml(const T& value) {
  return emit(detail::to_node(value));
}

}  // namespace mabert::config
