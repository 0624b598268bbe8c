#include "mabert/config/document.h"

#include "overrides.h"
#include "problem.h"
#include "text.h"
#include "yaml.h"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <fstream>
#include <optional>
#include <system_error>
#include <utility>

#include "mabert/core/error.h"

namespace mabert::config {
namespace {

namespace fs = std::filesystem;

constexpr size_t kMaxBytes = size_t{1} << 20;
constexpr size_t kMaxExtends = 16;
constexpr size_t kMaxFiles = 64;

/// Why a file could not be read, to follow "got"; or its text.
struct ReadResult {
  std::string text;
  std::string problem;
};

ReadResult read_text(const fs::path& path) {
  std::error_code error;
  if (fs::is_directory(path, error)) return {"", "a directory"};
  errno = 0;
  std::ifstream file(path, std::ios::binary);
  if (!file) return {"", errno != 0 ? std::strerror(errno) : "an error"};
  std::string text(kMaxBytes + 1, '\0');
  file.read(text.data(), static_cast<std::streamsize>(text.size()));
  if (file.bad()) return {"", "a read error"};
  text.resize(static_cast<size_t>(file.gcount()));
  if (text.size() > kMaxBytes) return {"", "more than 1 MiB"};
  return {std::move(text), ""};
}

/// Loads a file and what it extends, deepest first.
class Loader {
 public:
  Node load(const fs::path& path) {
    auto [text, problem] = read_text(path);
    if (!problem.empty()) {
      throw UsageError(one_line(path.string()) + ": expected a readable config file, got " + problem);
    }
    return parse(std::move(text), path);
  }

  Node parse(std::string text, const fs::path& path) {
    constexpr std::string_view byte_order_mark = "\xEF\xBB\xBF";
    if (text.starts_with(byte_order_mark)) text.erase(0, byte_order_mark.size());
    auto source = std::make_shared<Source>(Source{.name = path.string(), .text = std::move(text)});
    std::error_code error;
    open_.push_back(fs::weakly_canonical(path, error));
    Node root = merge_extended(parse_yaml(source, ""), path.parent_path());
    open_.pop_back();
    return root;
  }

 private:
  Node merge_extended(Node root, const fs::path& folder) {
    if (root.kind == Node::Kind::null) root.kind = Node::Kind::map;
    if (root.kind != Node::Kind::map)
      throw UsageError(problem_line(root.position, "", "a map", node_text(root)));
    root.position.line = 1;
    root.position.byte = 0;
    root.key_position = root.position;
    const auto extends = std::find_if(root.children.begin(), root.children.end(),
                                      [](const Node& child) { return child.key == "extends"; });
    if (extends == root.children.end()) return root;
    const Node files = std::move(*extends);
    root.children.erase(extends);
    std::optional<Node> base;
    if (files.kind == Node::Kind::list) {
      for (const Node& file : files.children) base = over(std::move(base), load_extended(file, folder));
    } else {
      base = load_extended(files, folder);
    }
    return over(std::move(base), std::move(root));
  }

  static Node over(std::optional<Node> base, Node top) {
    return base ? merge(std::move(*base), std::move(top)) : std::move(top);
  }

  Node load_extended(const Node& file, const fs::path& folder) {
    const auto fail = [&](const std::string& expected, const std::string& got) {
      throw UsageError(problem_line(file.position, "extends", expected, got));
    };
    if (file.kind != Node::Kind::scalar || file.text.empty()) fail("a file name", node_text(file));
    const fs::path path = (folder / file.text).lexically_normal();
    const std::string name = "'" + one_line(path.string()) + "'";
    std::error_code error;
    if (std::find(open_.begin(), open_.end(), fs::weakly_canonical(path, error)) != open_.end()) {
      fail("files without a cycle", name + " again");
    }
    if (open_.size() == kMaxExtends) fail("at most " + std::to_string(kMaxExtends) + " files deep", name);
    if (++files_ > kMaxFiles) fail("at most " + std::to_string(kMaxFiles) + " files", name);
    auto [text, problem] = read_text(path);
    if (!problem.empty()) fail("a readable config file", problem + " for " + name);
    return parse(std::move(text), path);
  }

  std::vector<fs::path> open_;
  size_t files_ = 0;
};

Document with_overrides(Node root, const std::vector<std::string>& overrides) {
  if (overrides.empty()) return {std::move(root)};
  Document layer{parse_overrides(overrides)};
  layer.root.position = root.position;
  return over({std::move(root)}, std::move(layer));
}

}  // namespace

const Node* Node::find(std::string_view name) const {
  if (kind != Kind::map) return nullptr;
  const auto found =
      std::find_if(children.begin(), children.end(), [&](const Node& child) { return child.key == name; });
  return found == children.end() ? nullptr : &*found;
}

Document load(const fs::path& path, const std::vector<std::string>& overrides) {
  return with_overrides(Loader().load(path), overrides);
}

Document parse(std::string text, const std::string& name, const std::vector<std::string>& overrides) {
  return with_overrides(Loader().parse(std::move(text), name), overrides);
}

Document over(Document base, Document top) {
  const Position position = top.root.position;
  Document document{merge(std::move(base.root), std::move(top.root))};
  document.root.position = document.root.key_position = position;
  return document;
}

}  // namespace mabert::config
