#include "extend_keys.h"

#include <array>
#include <optional>
#include <string_view>
#include <utility>

#include "mabert/config/read.h"
#include "mabert/core/error.h"

namespace mabert::app {
namespace {

using Path = std::vector<std::string_view>;

const std::array kPaths{Path{"model", "positions", "max_length"}, Path{"samples", "max_length"},
                        Path{"train", "steps"}, Path{"train", "epochs"}};

/// Sections by themselves, for reading one key of each.
struct ModelSection {
  nn::ModelOptions model;
  template <class Self, class Visitor>
  static void visit_fields(Self& self, Visitor& visit) {
    visit("model", self.model, "");
  }
};
struct SamplesSection {
  data::SampleOptions samples;
  template <class Self, class Visitor>
  static void visit_fields(Self& self, Visitor& visit) {
    visit("samples", self.samples, "");
  }
};
struct TrainSection {
  train::TrainOptions train;
  template <class Self, class Visitor>
  static void visit_fields(Self& self, Visitor& visit) {
    visit("train", self.train, "");
  }
};

const config::Node* find(const config::Node& root, const Path& path) {
  const config::Node* node = &root;
  for (const std::string_view key : path) {
    node = node->find(key);
    if (node == nullptr) return nullptr;
  }
  return node;
}

/// Takes the entry at a path of keys, which is there, out of a map.
void forget(config::Node& root, const Path& path) {
  config::Node* map = &root;
  for (std::size_t i = 0; i + 1 < path.size(); ++i) {
    for (config::Node& child : map->children) {
      if (child.key != path[i]) continue;
      map = &child;
      break;
    }
  }
  std::erase_if(map->children, [&](const config::Node& child) { return child.key == path.back(); });
}

/// A document with nothing but this node, at its path.
config::Document alone(const config::Node& node, const Path& path) {
  config::Node inner = node;
  for (auto key = path.rbegin(); key != path.rend(); ++key) {
    config::Node map;
    map.kind = config::Node::Kind::map;
    map.position = map.key_position = node.key_position;
    inner.key = std::string(*key);
    map.children.push_back(std::move(inner));
    inner = std::move(map);
  }
  return {std::move(inner)};
}

std::optional<std::int64_t> value_of(const config::Document& document, const Path& path) {
  if (path.front() == "model") return config::read<ModelSection>(document).model.positions.max_length;
  if (path.front() == "samples") return config::read<SamplesSection>(document).samples.max_length;
  if (find(document.root, path)->kind == config::Node::Kind::null) return std::nullopt;
  const train::TrainOptions options = config::read<TrainSection>(document).train;
  return path.back() == "steps" ? options.steps : options.epochs;
}

std::string joined(const Path& path) {
  std::string text;
  for (const std::string_view key : path) text += (text.empty() ? "" : ".") + std::string(key);
  return text;
}

/// What config.yaml of an extension has there.
std::optional<std::int64_t> expected_of(const std::string& key, const RunConfig& config) {
  if (key == "train.steps") return config.train.steps;
  if (key == "train.epochs") return std::nullopt;
  return config.model.positions.max_length;
}

}  // namespace

std::vector<StageKey> take_stage_keys(config::Document& given, const std::string& file) {
  std::vector<StageKey> keys;
  for (const Path& path : kPaths) {
    const config::Node* node = find(given.root, path);
    if (node == nullptr) continue;
    const auto value = value_of(alone(*node, path), path);
    const config::Position position = node->position;
    const bool is_own = !position.source->has_lines || position.source->name == file;
    if (value && is_own) keys.push_back({joined(path), position, *value});
    forget(given.root, path);
  }
  return keys;
}

void require_stage_values(const std::vector<StageKey>& keys, const RunConfig& config) {
  for (const StageKey& key : keys) {
    if (expected_of(key.key, config) == key.value) continue;
    throw UsageError(config::to_string(key.position) + ": " + key.key +
                     ": expected none, since extend.stages says it, got " + std::to_string(key.value));
  }
}

}  // namespace mabert::app
