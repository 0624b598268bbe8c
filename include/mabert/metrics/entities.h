#pragma once

#include <compare>
#include <cstdint>
#include <map>
#include <span>
#include <string>
#include <vector>

namespace mabert::metrics {

/// The words [begin, end) of a sentence.
struct Entity {
  std::int64_t begin = 0, end = 0;
  std::string type;

  friend auto operator<=>(const Entity&, const Entity&) = default;
};

/// The entities of one sentence, in order, from one tag per word: "O", "B-TYPE" or "I-TYPE" (IOB2).
/// An I- that continues no entity of its type begins one, as in conlleval.
/// Errors: UsageError for any other tag.
std::vector<Entity> find_entities(std::span<const std::string> tags);

/// precision = correct / predicted, recall = correct / expected, f1 = 2 correct / (expected + predicted); 0
/// where undefined.
struct EntityScore {
  double precision = 0.0, recall = 0.0, f1 = 0.0;
  std::int64_t expected = 0, predicted = 0, correct = 0;
};

/// Counts entities over sentences. One is correct when words and type agree.
class EntityCounter {
 public:
  /// One sentence. Errors: UsageError unless both have one tag per word; as find_entities.
  void add(std::span<const std::string> expected_tags, std::span<const std::string> predicted_tags);

  /// Over all types together (micro average).
  EntityScore total() const;
  std::map<std::string, EntityScore> by_type() const;

 private:
  struct Counts {
    std::int64_t expected = 0, predicted = 0, correct = 0;
  };
  static EntityScore score(const Counts& counts);

  std::map<std::string, Counts> counts_;
};

}  // namespace mabert::metrics
