#include "problem.h"

#include "text.h"

#include <algorithm>

namespace mabert::config {
namespace {

/// Counts characters, because editors do; YAML's marks count bytes.
size_t column(const Position& position) {
  const std::string& text = position.source->text;
  size_t begin = 0;
  for (size_t line = 1; line < position.line; ++line) {
    const size_t end = text.find('\n', begin);
    if (end == std::string::npos) break;
    begin = end + 1;
  }
  const size_t end = std::min(text.size(), begin + position.byte);
  return 1 + static_cast<size_t>(std::count_if(text.begin() + static_cast<std::ptrdiff_t>(begin),
                                               text.begin() + static_cast<std::ptrdiff_t>(end), [](char c) {
                                                 return (static_cast<unsigned char>(c) & 0xC0) != 0x80;
                                               }));
}

}  // namespace

std::string to_string(const Position& position) {
  const std::string name = one_line(position.source->name);
  if (!position.source->has_lines) return name;
  return name + ":" + std::to_string(position.line) + ":" + std::to_string(column(position));
}

std::string problem_line(const Position& position, std::string_view path, std::string_view expected,
                         std::string_view got) {
  std::string line = to_string(position) + ": ";
  if (!path.empty()) line.append(path).append(": ");
  line.append("expected ").append(expected);
  if (!got.empty()) line.append(", got ").append(got);
  return line;
}

std::string node_text(const Node& node) {
  switch (node.kind) {
    case Node::Kind::null:
      return "null";
    case Node::Kind::list:
      return "a list";
    case Node::Kind::map:
      return "a map";
    case Node::Kind::scalar:
      break;
  }
  const std::string text = "'" + one_line(node.text) + "'";
  return node.quoted ? "the string " + text : text;
}

std::string child_path(std::string_view path, std::string_view key) {
  std::string result(path);
  if (!result.empty()) result += '.';
  return result + one_line(key);
}

}  // namespace mabert::config
