#include "mabert/metrics/entities.h"

#include "same_size.h"

#include <algorithm>
#include <iterator>

#include "mabert/core/error.h"

namespace mabert::metrics {
namespace {

double ratio(std::int64_t part, std::int64_t whole) {
  return whole == 0 ? 0.0 : static_cast<double>(part) / static_cast<double>(whole);
}

}  // namespace

std::vector<Entity> find_entities(std::span<const std::string> tags) {
  std::vector<Entity> entities;
  bool inside = false;
  for (std::size_t i = 0; i < tags.size(); ++i) {
    const std::string& tag = tags[i];
    if (tag == "O") {
      inside = false;
      continue;
    }
    const bool begins = tag.starts_with("B-");
    if (tag.size() < 3 || !(begins || tag.starts_with("I-"))) {
      throw UsageError("[metrics] tag: expected O, B-TYPE or I-TYPE, got '" + tag + "'");
    }
    const auto word = static_cast<std::int64_t>(i);
    std::string type = tag.substr(2);
    if (!begins && inside && entities.back().type == type) {
      entities.back().end = word + 1;
    } else {
      entities.push_back({word, word + 1, std::move(type)});
    }
    inside = true;
  }
  return entities;
}

void EntityCounter::add(std::span<const std::string> expected_tags,
                        std::span<const std::string> predicted_tags) {
  require_same_size("predicted tags", expected_tags.size(), predicted_tags.size());
  const std::vector<Entity> expected = find_entities(expected_tags),
                            predicted = find_entities(predicted_tags);
  std::vector<Entity> correct;
  std::ranges::set_intersection(expected, predicted, std::back_inserter(correct));
  for (const Entity& entity : expected) ++counts_[entity.type].expected;
  for (const Entity& entity : predicted) ++counts_[entity.type].predicted;
  for (const Entity& entity : correct) ++counts_[entity.type].correct;
}

EntityScore EntityCounter::total() const {
  Counts sum;
  for (const auto& [type, counts] : counts_) {
    sum.expected += counts.expected;
    sum.predicted += counts.predicted;
    sum.correct += counts.correct;
  }
  return score(sum);
}

std::map<std::string, EntityScore> EntityCounter::by_type() const {
  std::map<std::string, EntityScore> scores;
  for (const auto& [type, counts] : counts_) scores.emplace(type, score(counts));
  return scores;
}

EntityScore EntityCounter::score(const Counts& counts) {
  return {.precision = ratio(counts.correct, counts.predicted),
          .recall = ratio(counts.correct, counts.expected),
          .f1 = ratio(2 * counts.correct, counts.expected + counts.predicted),
          .expected = counts.expected,
          .predicted = counts.predicted,
          .correct = counts.correct};
}

}  // namespace mabert::metrics
