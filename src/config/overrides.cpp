#include "overrides.h"

#include "problem.h"
#include "scalar.h"
#include "text.h"
#include "yaml.h"

#include <algorithm>
#include <memory>
#include <string_view>
#include <unordered_map>
#include <utility>

#include "mabert/core/error.h"

namespace mabert::config {
namespace {

constexpr size_t kMaxSegments = 32;

std::shared_ptr<const Source> command_line(std::string text) {
  return std::make_shared<Source>(
      Source{.name = "command line", .text = std::move(text), .has_lines = false});
}

std::string_view trim(std::string_view text) {
  while (text.starts_with(' ')) text.remove_prefix(1);
  while (text.ends_with(' ')) text.remove_suffix(1);
  return text;
}

std::vector<std::string> split(std::string_view path) {
  std::vector<std::string> segments;
  for (;;) {
    const size_t dot = path.find('.');
    segments.emplace_back(path.substr(0, dot));
    if (dot == std::string_view::npos) return segments;
    path.remove_prefix(dot + 1);
  }
}

Node parse_value(const std::string& path, std::string_view text) {
  const auto fail = [&](std::string_view expected) {
    const Position position{.source = command_line("")};
    throw UsageError(problem_line(position, one_line(path), expected, "'" + one_line(text) + "'"));
  };
  if (text.find('\n') != std::string_view::npos) fail("a value in one line");
  Node map = parse_yaml(command_line("value: " + std::string(text)), one_line(path));
  Node value = std::move(map.children.at(0));
  const std::string_view trimmed = trim(text);
  // A plain value that lost something lost a comment, which was more likely meant as a part of the value.
  const bool is_plain = value.kind == Node::Kind::scalar && !value.quoted;
  if (value.kind == Node::Kind::null ? !is_null(trimmed) : is_plain && value.text != trimmed) {
    fail("a value without a comment (quote it)");
  }
  if (trimmed.starts_with('|') || trimmed.starts_with('>')) fail("a value without a block marker (quote it)");
  return value;
}

/// The map {a: {b: value}} of a.b=value.
Node parse_override(const std::string& text) {
  const size_t equals = text.find('=');
  const std::string path = text.substr(0, equals);
  const std::vector<std::string> segments = split(path);
  const bool empty =
      std::any_of(segments.begin(), segments.end(), [](const std::string& s) { return s.empty(); });
  const Position position{.source = command_line("")};
  if (equals == std::string::npos || empty || segments.size() > kMaxSegments || find_invalid_utf8(path)) {
    throw UsageError(problem_line(position, "", "key.path=value", "'" + one_line(text) + "'"));
  }
  if (segments[0] == "extends") {
    throw UsageError(problem_line(position, "extends", "it in a file only", "an override"));
  }
  Node node = parse_value(path, std::string_view(text).substr(equals + 1));
  for (size_t i = segments.size(); i-- > 0;) {
    node.key = segments[i];
    Node parent;
    parent.kind = Node::Kind::map;
    parent.position = parent.key_position = position;
    parent.children.push_back(std::move(node));
    node = std::move(parent);
  }
  return node;
}

bool has_other_type(const Node& base, const Node& top) {
  const Node* old_type = base.find("type");
  const Node* new_type = top.find("type");
  return old_type && new_type && old_type->kind == Node::Kind::scalar &&
         new_type->kind == Node::Kind::scalar && old_type->text != new_type->text;
}

}  // namespace

Node merge(Node base, Node top) {
  if (base.kind != Node::Kind::map || top.kind != Node::Kind::map) return top;
  std::shared_ptr<const Node> of_type = std::move(top.of_type);
  if (!of_type && has_other_type(base, top)) {
    of_type = std::make_shared<Node>(top);
  } else if (!of_type && base.of_type) {
    of_type = std::make_shared<Node>(merge(*base.of_type, top));
  }
  std::unordered_map<std::string, size_t> places;
  for (size_t i = 0; i < base.children.size(); ++i) places.emplace(base.children[i].key, i);
  for (Node& child : top.children) {
    if (const auto place = places.find(child.key); place != places.end()) {
      Node& old = base.children[place->second];
      old = merge(std::move(old), std::move(child));
    } else {
      base.children.push_back(std::move(child));
    }
  }
  base.of_type = std::move(of_type);
  base.position = top.position;
  base.key_position = top.key_position;
  return base;
}

Node parse_overrides(const std::vector<std::string>& overrides) {
  Node layer;
  layer.kind = Node::Kind::map;
  layer.position = layer.key_position = Position{.source = command_line("")};
  for (const std::string& text : overrides) layer = merge(std::move(layer), parse_override(text));
  return layer;
}

}  // namespace mabert::config
