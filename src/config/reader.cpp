#include "mabert/config/reader.h"

#include "problem.h"
#include "scalar.h"
#include "text.h"

#include <algorithm>
#include <charconv>
#include <limits>
#include <system_error>
#include <utility>

#include "mabert/core/error.h"

namespace mabert::config {
namespace {

/// Bounds of the type tell only where the range leaves that side open.
std::string integer_text(const std::string& low, const std::string& high) {
  return "an integer from " + low + " to " + high;
}

std::string node_note(const Node& node) {
  std::string text = node_text(node);
  if (node.kind == Node::Kind::scalar && !node.quoted && has_leading_zero(node.text))
    text += " (leading zero)";
  return text;
}

bool is_plain(const Node& node) { return node.kind == Node::Kind::scalar && !node.quoted; }

template <class Number>
std::optional<Number> parse_number(std::string_view text) {
  if (text.starts_with('+')) text.remove_prefix(1);
  Number value{};
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc{} || end != text.data() + text.size()) return std::nullopt;
  return value;
}

/// The part of a dotted key up to the next dot or bracket.
struct Step {
  std::string_view name;
  std::optional<size_t> index;
};

Step next_step(std::string_view& key) {
  if (key.starts_with('[')) {
    const size_t end = std::min(key.find(']'), key.size() - 1);
    const auto index = parse_number<size_t>(key.substr(1, end - 1));
    key.remove_prefix(end + 1);
    if (key.starts_with('.')) key.remove_prefix(1);
    return {"", index};
  }
  const size_t end = std::min(key.find_first_of(".["), key.size());
  const Step step{key.substr(0, end), std::nullopt};
  key.remove_prefix(end);
  if (key.starts_with('.')) key.remove_prefix(1);
  return step;
}

/// Where the key stands, or the innermost map around it that does.
Position locate(const Node& map, std::string_view key) {
  const Node* node = &map;
  while (!key.empty()) {
    const Step step = next_step(key);
    const Node* child = nullptr;
    if (!step.index) {
      child = node->find(step.name);
    } else if (node->kind == Node::Kind::list && *step.index < node->children.size()) {
      child = &node->children[*step.index];
    }
    if (!child) return node->key_position;
    node = child;
  }
  return node->kind == Node::Kind::scalar ? node->position : node->key_position;
}

}  // namespace

Reader::Scope::Scope(Reader& reader, std::string_view key) : reader_(reader), length_(reader.path_.size()) {
  reader.path_ = child_path(reader.path_, key);
}

Reader::Scope::Scope(Reader& reader, size_t index) : reader_(reader), length_(reader.path_.size()) {
  reader.path_ += "[" + std::to_string(index) + "]";
}

void Reader::add(const Position& position, std::string_view expected, std::string_view got) {
  // A line costs time (it counts the column), and a file can have 100,000 problems.
  if (++problem_count_ <= kMaxProblems) lines_.push_back(problem_line(position, path_, expected, got));
}

void Reader::add(const Node& map, const Problem& problem) {
  const size_t length = path_.size();
  if (!problem.key.empty()) path_ = child_path(path_, problem.key);
  add(locate(map, problem.key), problem.expected, problem.got);
  path_.resize(length);
}

void Reader::read(const Node& node, bool& value) {
  if (is_plain(node) && (node.text == "true" || node.text == "false")) {
    value = node.text == "true";
  } else {
    add(node.position, "true or false", node_text(node));
  }
}

void Reader::read(const Node& node, double& value, const Range& range) {
  const bool not_finite = is_plain(node) && (is_infinite_or_nan(node.text) || is_number(node.text));
  const auto number = is_plain(node) && is_number(node.text) ? parse_number<double>(node.text) : std::nullopt;
  if (number && range.contains(*number)) {
    value = *number;
  } else {
    const std::string expected = !number && not_finite ? "a finite number" : "a number";
    add(node.position, expected + range_text(range), node_note(node));
  }
}

void Reader::read(const Node& node, std::string& value) {
  if (node.kind == Node::Kind::scalar) {
    value = node.text;
  } else {
    add(node.position, "a string", node_text(node));
  }
}

void Reader::read(const Node& node, std::filesystem::path& value) {
  if (node.kind == Node::Kind::scalar && node.text.find('\0') == std::string::npos) {
    value = node.text;
  } else {
    add(node.position, "a path", node_text(node));
  }
}

std::optional<int64_t> Reader::read_signed(const Node& node, int64_t low, int64_t high, const Range& range) {
  const bool is_number = is_plain(node) && is_integer(node.text);
  const auto number = is_number ? parse_number<int64_t>(node.text) : std::nullopt;
  const bool fits = number && *number >= low && *number <= high;
  if (fits && range.contains(static_cast<double>(*number))) return number;
  const bool too_large = is_number && !fits && range_text(range).empty();
  add(node.position,
      too_large ? integer_text(std::to_string(low), std::to_string(high)) : "an integer" + range_text(range),
      node_note(node));
  return std::nullopt;
}

std::optional<uint64_t> Reader::read_unsigned(const Node& node, uint64_t high, const Range& range) {
  const bool is_number = is_plain(node) && is_integer(node.text);
  const auto number = is_number ? parse_number<uint64_t>(node.text) : std::nullopt;
  const bool fits = number && *number <= high;
  if (fits && range.contains(static_cast<double>(*number))) return number;
  const std::string text = range_text(range);
  const bool too_large = is_number && !fits && text.empty();
  add(node.position,
      too_large ? integer_text("0", std::to_string(high)) : "an integer" + (text.empty() ? " >= 0" : text),
      node_note(node));
  return std::nullopt;
}

std::optional<size_t> Reader::read_choice(const Node& node, std::span<const std::string_view> names) {
  if (node.kind == Node::Kind::scalar) {
    const auto found = std::find(names.begin(), names.end(), node.text);
    if (found != names.end()) return static_cast<size_t>(found - names.begin());
  }
  std::string got = node_text(node);
  if (const auto name = node.kind == Node::Kind::scalar ? nearest(node.text, names) : std::nullopt) {
    got.append("; did you mean '").append(*name).append("'?");
  }
  add(node.position, "one of " + join(names), got);
  return std::nullopt;
}

bool Reader::expect_map(const Node& node) {
  if (node.kind != Node::Kind::map) add(node.position, "a map", node_text(node));
  return node.kind == Node::Kind::map;
}

bool Reader::expect_list(const Node& node) {
  if (node.kind != Node::Kind::list) {
    add(node.position, "a list", node_text(node));
  } else if (node.children.size() > kMaxListLength) {
    add(node.position, "at most " + std::to_string(kMaxListLength) + " items",
        std::to_string(node.children.size()));
  } else {
    return true;
  }
  return false;
}

void Reader::expect_keys(const Node& map, std::span<const std::string_view> known, std::string_view type) {
  for (const Node& child : map.children) {
    if (problem_count_ >= kMaxProblems) return;
    if (std::find(known.begin(), known.end(), child.key) != known.end()) continue;
    const Scope scope(*this, child.key);
    std::string got = "an unknown key";
    if (!type.empty()) got.append(" for type ").append(type);
    std::string expected = "one of " + join(known);
    if (known.empty()) expected = "no keys";
    if (const auto name = nearest(child.key, known))
      got.append("; did you mean '").append(*name).append("'?");
    add(child.key_position, expected, got);
  }
}

void Reader::finish() const {
  if (lines_.empty()) return;
  std::string message;
  for (const std::string& line : lines_) message += (message.empty() ? "" : "\n") + line;
  throw UsageError(message);
}

}  // namespace mabert::config
