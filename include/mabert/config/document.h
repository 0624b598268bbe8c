#pragma once

#include <cstddef>
#include <filesystem>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace mabert::config {

struct Source {
  std::string name;  ///< file as the user named it, or "command line"
  std::string text;
  bool has_lines = true;  ///< false: positions print as the name alone
};

struct Position {
  std::shared_ptr<const Source> source;
  size_t line = 1;  ///< from 1
  size_t byte = 0;  ///< in the line, from 0
};

/// "file:line:column", the column counted in characters from 1.
std::string to_string(const Position& position);

/// One value of a YAML document. `children` holds the entries of a map (with their keys) or the items of a
/// list.
struct Node {
  enum class Kind { null, scalar, list, map };

  Kind kind = Kind::null;
  bool quoted = false;  ///< a quoted scalar is a string
  std::string text;     ///< of a scalar
  std::string key;
  Position position;
  Position key_position;  ///< of the key in a map, else of the value
  std::vector<Node> children;
  /// Set where layers gave a map different values of `type`: the entries since the last change. A tagged
  /// variant reads these; any other struct may have a field of that name and reads all entries.
  std::shared_ptr<const Node> of_type;

  const Node* find(std::string_view name) const;
};

/// The root is always a map; every node keeps the position it came from.
struct Document {
  Node root;
};

/// Reads a YAML file, the files it extends and the overrides over it.
///
/// `extends: FILE` or `extends: [FILE, ...]` at the top of a file names files relative to it; later ones and
/// the file itself win. Maps are merged, everything else is replaced; a tagged variant that gets another
/// `type` loses the fields given for the type before. An override is `key.path=value` with a scalar or flow
/// value; all overrides together are one layer over the file. Accepted is plain YAML only: at most 1 MiB, 32
/// levels and one document; UTF-8 without tabs and control characters; no anchors, aliases, tags and
/// duplicate keys. Errors: UsageError for an unreadable file and for everything not accepted, with its
/// position.
Document load(const std::filesystem::path& path, const std::vector<std::string>& overrides = {});

/// The same for text; `name` stands for the file in messages and `extends` is relative to its folder.
Document parse(std::string text, const std::string& name, const std::vector<std::string>& overrides = {});

/// `top` over `base`, as a file over what it extends.
Document over(Document base, Document top);

}  // namespace mabert::config
