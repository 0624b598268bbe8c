#include "mabert/metrics/entities.h"

#include "metrics/golden.h"

#include <ostream>

#include "mabert/core/error.h"

namespace mabert::metrics {

void PrintTo(const Entity& entity, std::ostream* out) {
  *out << entity.type << '[' << entity.begin << ", " << entity.end << ')';
}

namespace {

using Tags = std::vector<std::string>;
using Entities = std::vector<Entity>;

void expect_score(const EntityScore& score, const nlohmann::json& golden) {
  expect_golden(score.precision, golden.at("precision"));
  expect_golden(score.recall, golden.at("recall"));
  expect_golden(score.f1, golden.at("f1"));
  EXPECT_EQ(score.expected, golden.at("expected"));
  EXPECT_EQ(score.predicted, golden.at("predicted"));
  EXPECT_EQ(score.correct, golden.at("correct"));
}

Entities entities_of(const nlohmann::json& golden) {
  Entities entities;
  for (const auto& entity : golden) entities.push_back({entity[0], entity[1], entity[2]});
  return entities;
}

TEST(EntitiesTest, MatchesSeqeval) {
  const auto cases = golden_cases("tagging");
  EXPECT_GE(cases.size(), 11u);
  for (const auto& golden : cases) {
    SCOPED_TRACE(golden.at("name").get<std::string>());
    EntityCounter counter;
    for (std::size_t i = 0; i < golden.at("expected").size(); ++i) {
      const auto expected = golden["expected"][i].get<Tags>(), predicted = golden["predicted"][i].get<Tags>();
      EXPECT_EQ(find_entities(expected), entities_of(golden["expected_entities"][i])) << i;
      EXPECT_EQ(find_entities(predicted), entities_of(golden["predicted_entities"][i])) << i;
      counter.add(expected, predicted);
    }
    expect_score(counter.total(), golden.at("total"));
    const auto by_type = counter.by_type();
    EXPECT_EQ(by_type.size(), golden.at("by_type").size());
    for (const auto& [type, score] : by_type) expect_score(score, golden.at("by_type").at(type));
  }
}

TEST(EntitiesTest, BordersOfEntities) {
  EXPECT_EQ(find_entities(Tags{}), Entities{});
  EXPECT_EQ(find_entities(Tags{"O", "O"}), Entities{});
  EXPECT_EQ(find_entities(Tags{"B-X", "I-X", "O", "B-X"}), (Entities{{0, 2, "X"}, {3, 4, "X"}}));
  EXPECT_EQ(find_entities(Tags{"B-X", "B-X"}), (Entities{{0, 1, "X"}, {1, 2, "X"}}));
  EXPECT_EQ(find_entities(Tags{"O", "I-X", "I-X"}), (Entities{{1, 3, "X"}}));
  EXPECT_EQ(find_entities(Tags{"B-X", "I-Y", "I-X"}), (Entities{{0, 1, "X"}, {1, 2, "Y"}, {2, 3, "X"}}));
  EXPECT_EQ(find_entities(Tags{"B-X", "O", "I-X"}), (Entities{{0, 1, "X"}, {2, 3, "X"}}));
}

TEST(EntitiesTest, WordsAndTypeMustAgree) {
  EntityCounter counter;
  counter.add(Tags{"B-X", "I-X", "O", "B-Y", "B-X"}, Tags{"B-X", "O", "O", "B-X", "B-X"});
  EXPECT_EQ(counter.total().expected, 3);
  EXPECT_EQ(counter.total().predicted, 3);
  EXPECT_EQ(counter.total().correct, 1);
  EXPECT_DOUBLE_EQ(counter.by_type().at("X").precision, 1.0 / 3);
  EXPECT_DOUBLE_EQ(counter.by_type().at("X").recall, 1.0 / 2);
  EXPECT_DOUBLE_EQ(counter.by_type().at("X").f1, 2.0 / 5);
}

TEST(EntitiesTest, WithoutEntities) {
  const EntityCounter counter;
  EXPECT_EQ(counter.total().f1, 0.0);
  EXPECT_EQ(counter.total().expected, 0);
  EXPECT_TRUE(counter.by_type().empty());
}

TEST(EntitiesTest, WrongArguments) {
  EntityCounter counter;
  EXPECT_EQ(message_of<UsageError>([&] {
              counter.add(Tags{"O", "O"}, Tags{"O"});
            }),
            "[metrics] predicted tags: expected 2 values, got 1");
  for (const char* tag : {"", "B", "B-", "I-", "E-X", "o", "BX", "OX"}) {
    EXPECT_EQ(message_of<UsageError>([&] {
                find_entities(Tags{"O", tag});
              }),
              "[metrics] tag: expected O, B-TYPE or I-TYPE, got '" + std::string(tag) + "'");
    EXPECT_THROW(counter.add(Tags{"B-X"}, Tags{tag}), UsageError);
  }
  EXPECT_EQ(counter.total().expected, 0);
}

}  // namespace
}  // namespace mabert::metrics
