#include "yaml.h"

#include "problem.h"
#include "text.h"

#include <optional>
#include <sstream>
#include <unordered_map>
#include <utility>
#include <vector>

#include <yaml-cpp/eventhandler.h>
#include <yaml-cpp/yaml.h>

#include "mabert/core/error.h"

namespace mabert::config {
namespace {

constexpr size_t kMaxDepth = 32;

Position position_at(const std::shared_ptr<const Source>& source, size_t offset) {
  Position position{.source = source};
  size_t begin = 0;
  for (size_t end = source->text.find('\n'); end < offset; end = source->text.find('\n', begin)) {
    ++position.line;
    begin = end + 1;
  }
  position.byte = offset - begin;
  return position;
}

/// Throws for characters that no config file needs; yaml-cpp takes some of them for the end of the file.
void check_characters(const std::shared_ptr<const Source>& source, const std::string& path) {
  const std::string& text = source->text;
  const auto fail = [&](size_t offset, std::string_view expected, const std::string& got) {
    throw UsageError(problem_line(position_at(source, offset), path, expected, got));
  };
  if (const auto offset = find_invalid_utf8(text)) {
    fail(*offset, "UTF-8 text", "byte " + hex_byte(static_cast<unsigned char>(text[*offset])));
  }
  for (size_t i = 0; i < text.size(); ++i) {
    const auto byte = static_cast<unsigned char>(text[i]);
    if (byte == '\t') fail(i, "spaces", "a tab");
    const bool line_end = byte == '\n' || (byte == '\r' && i + 1 < text.size() && text[i + 1] == '\n');
    if ((byte < 0x20 && !line_end) || byte == 0x7F) fail(i, "text", "control character " + hex_byte(byte));
  }
}

/// Builds our nodes from the parser's events, so that what a node tree of yaml-cpp hides can be refused.
class Builder : public YAML::EventHandler {
 public:
  Builder(std::shared_ptr<const Source> source, std::string path)
      : source_(std::move(source)), path_(std::move(path)) {
    root_.position = root_.key_position = Position{.source = source_};
  }

  Node take_root() { return std::move(root_); }

  void OnDocumentStart(const YAML::Mark& mark) override {
    if (has_document_) fail(mark, "one document", "more text after its end");
    has_document_ = true;
  }
  void OnDocumentEnd() override {}
  void OnNull(const YAML::Mark& mark, YAML::anchor_t anchor) override {
    check_properties(mark, "?", anchor);
    add(make(mark, Node::Kind::null));
  }
  void OnAlias(const YAML::Mark& mark, YAML::anchor_t /*anchor*/) override {
    fail(mark, "a value written out", "an alias");
  }
  void OnScalar(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                const std::string& value) override {
    check_properties(mark, tag, anchor);
    Node node = make(mark, Node::Kind::scalar);
    node.quoted = tag == "!";
    node.text = value;
    add(std::move(node));
  }
  void OnSequenceStart(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                       YAML::EmitterStyle::value /*style*/) override {
    open(mark, tag, anchor, Node::Kind::list);
  }
  void OnSequenceEnd() override { close(); }
  void OnMapStart(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                  YAML::EmitterStyle::value /*style*/) override {
    open(mark, tag, anchor, Node::Kind::map);
  }
  void OnMapEnd() override { close(); }

  [[noreturn]] void fail(const YAML::Mark& mark, std::string_view expected, const std::string& got) const {
    throw UsageError(problem_line(position(mark), current_path(), expected, got));
  }

 private:
  /// A list or map that is still open; `key` is set between a key and its value.
  struct Frame {
    Node node;
    std::optional<Node> key;
    std::unordered_map<std::string, size_t> lines;
  };

  Position position(const YAML::Mark& mark) const {
    if (mark.line < 0) return Position{.source = source_};
    return {source_, static_cast<size_t>(mark.line) + 1, static_cast<size_t>(mark.column)};
  }

  Node make(const YAML::Mark& mark, Node::Kind kind) const {
    Node node;
    node.kind = kind;
    node.position = node.key_position = position(mark);
    return node;
  }

  void check_properties(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor) const {
    if (anchor != 0) fail(mark, "a value written out", "an anchor");
    if (!tag.empty() && tag != "?" && tag != "!")
      fail(mark, "a value without a tag", "'" + one_line(tag) + "'");
  }

  bool wants_key() const {
    return !frames_.empty() && frames_.back().node.kind == Node::Kind::map && !frames_.back().key;
  }

  void open(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor, Node::Kind kind) {
    check_properties(mark, tag, anchor);
    Node node = make(mark, kind);
    if (wants_key()) fail(mark, "a key", node_text(node));
    if (frames_.size() == kMaxDepth) fail(mark, "at most " + std::to_string(kMaxDepth) + " levels", "more");
    frames_.push_back({std::move(node), std::nullopt, {}});
  }

  void close() {
    Node node = std::move(frames_.back().node);
    frames_.pop_back();
    add(std::move(node));
  }

  void add(Node node) {
    if (frames_.empty()) {
      root_ = std::move(node);
    } else if (wants_key()) {
      add_key(std::move(node));
    } else {
      Frame& frame = frames_.back();
      if (frame.key) {
        node.key = std::move(frame.key->text);
        node.key_position = frame.key->position;
        // The parser marks an empty value where the next token stands.
        if (node.kind == Node::Kind::null) node.position = node.key_position;
        frame.key.reset();
      }
      frame.node.children.push_back(std::move(node));
    }
  }

  void add_key(Node key) {
    Frame& frame = frames_.back();
    if (key.kind == Node::Kind::null) {
      throw UsageError(problem_line(key.position, current_path(), "a key", "null"));
    }
    const auto [first, is_new] = frame.lines.emplace(key.text, key.position.line);
    if (!is_new) {
      throw UsageError(
          problem_line(key.position, child_path(current_path(), key.text), "each key once",
                       "a second one (the first is in line " + std::to_string(first->second) + ")"));
    }
    frame.key = std::move(key);
  }

  std::string current_path() const {
    std::string path = path_;
    for (const Frame& frame : frames_) {
      const bool is_override = !path_.empty() && &frame == &frames_.front();
      if (frame.key && !is_override) path = child_path(path, frame.key->text);
      if (frame.node.kind == Node::Kind::list) path += "[" + std::to_string(frame.node.children.size()) + "]";
    }
    return path;
  }

  std::shared_ptr<const Source> source_;
  std::string path_;
  Node root_;
  std::vector<Frame> frames_;
  bool has_document_ = false;
};

}  // namespace

Node parse_yaml(std::shared_ptr<const Source> source, std::string path) {
  check_characters(source, path);
  Builder builder(source, std::move(path));
  // yaml-cpp takes an open quote at the end of the last line for a closed one; a comment behind it shows the
  // error.
  std::istringstream stream(source->text + (source->text.ends_with('\n') ? "#" : "\n#"));
  try {
    YAML::Parser parser(stream);
    while (parser.HandleNextDocument(builder)) {
    }
  } catch (const YAML::Exception& error) {
    builder.fail(error.mark, "valid YAML", "an error (" + one_line(error.msg) + ")");
  }
  return builder.take_root();
}

}  // namespace mabert::config
