#include "mabert/config/write.h"

#include "scalar.h"
#include "text.h"

#include <algorithm>

#include "mabert/core/error.h"

namespace mabert::config {
namespace {

/// YAML allows a key in a line only up to this length.
constexpr size_t kLongestKey = 1024;

std::string key_text(const std::string& key) {
  std::string text = string_text(key);
  if (text.size() > kLongestKey) {
    throw UsageError("configuration: expected keys of at most " + std::to_string(kLongestKey) +
                     " bytes, got '" + one_line(key) + "'");
  }
  return text;
}

bool is_block(const Node& node) {
  if (node.children.empty()) return false;
  if (node.kind == Node::Kind::map) return true;
  return node.kind == Node::Kind::list &&
         std::any_of(node.children.begin(), node.children.end(),
                     [](const Node& item) { return item.kind == Node::Kind::map && is_block(item); });
}

void emit_block(std::string& out, const Node& node, size_t indent);

void emit_map(std::string& out, const Node& map, size_t indent) {
  for (const Node& child : map.children) {
    out.append(indent, ' ').append(key_text(child.key)).append(":");
    if (is_block(child)) {
      out += '\n';
      emit_block(out, child, indent + 2);
    } else {
      out.append(" ").append(emit_flow(child)).append("\n");
    }
  }
}

void emit_list(std::string& out, const Node& list, size_t indent) {
  for (const Node& item : list.children) {
    const size_t begin = out.size();
    if (item.kind == Node::Kind::map && is_block(item)) {
      emit_map(out, item, indent + 2);
      out[begin + indent] = '-';
    } else {
      out.append(indent, ' ').append("- ").append(emit_flow(item)).append("\n");
    }
  }
}

void emit_block(std::string& out, const Node& node, size_t indent) {
  if (node.kind == Node::Kind::map) {
    emit_map(out, node, indent);
  } else {
    emit_list(out, node, indent);
  }
}

Node scalar_node(std::string text, bool quoted) {
  Node node;
  node.kind = Node::Kind::scalar;
  node.quoted = quoted;
  node.text = std::move(text);
  return node;
}

}  // namespace

std::string emit_flow(const Node& node) {
  if (node.kind == Node::Kind::null) return "null";
  if (node.kind == Node::Kind::scalar) return node.quoted ? string_text(node.text) : node.text;
  const bool is_map = node.kind == Node::Kind::map;
  std::string out(is_map ? "{" : "[");
  for (const Node& child : node.children) {
    if (out.size() > 1) out += ", ";
    if (is_map) out.append(key_text(child.key)).append(": ");
    out += emit_flow(child);
  }
  return out + (is_map ? "}" : "]");
}

std::string emit(const Node& node) {
  if (!is_block(node)) return emit_flow(node) + "\n";
  std::string out;
  emit_block(out, node, 0);
  return out;
}

namespace detail {

Node number_node(int64_t value) { return scalar_node(std::to_string(value), false); }
Node number_node(uint64_t value) { return scalar_node(std::to_string(value), false); }
Node number_node(double value) { return scalar_node(float_text(value), false); }
Node bool_node(bool value) { return scalar_node(value ? "true" : "false", false); }
Node text_node(std::string text) { return scalar_node(std::move(text), true); }

}  // namespace detail
}  // namespace mabert::config
