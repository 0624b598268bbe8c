#include "options.h"

#include <string>

namespace mabert::config::testing {
namespace {

TEST(ValidateTest, AProblemStandsAtItsKey) {
  EXPECT_EQ(
      error_of<Study>("model:\n  width: 10\n  blocks:\n    t:\n      mixer: {type: attention, heads: 3}\n"),
      "x.yaml:5:39: model.blocks.t.mixer.heads: expected a divisor of the width 10, got 3");
  EXPECT_EQ(error_of<Study>("others:\n  - {}\n  - width: 5\n"),
            "x.yaml:3:12: others[1].width: expected the width of the model, got 5");
}

TEST(ValidateTest, AnAbsentKeyStandsAtTheMapAroundIt) {
  EXPECT_EQ(error_of<Study>("model:\n  width: 10\n  blocks:\n    t:\n      mixer: {type: attention}\n"),
            "x.yaml:5:7: model.blocks.t.mixer.heads: expected a divisor of the width 10, got 12");
  EXPECT_EQ(error_of<Study>("\nmodel: {width: 1}\nothers: [{}, {}]\n"),
            "x.yaml:3:14: others[1].width: expected the width of the model, got 768");
}

TEST(ValidateTest, AnEmptyKeyIsTheStruct) {
  EXPECT_EQ(error_of<Study>("\nothers: [{}, {}, {}]\n"), "x.yaml:1:1: expected at most two other models");
}

TEST(ValidateTest, OverridesAreNamed) {
  EXPECT_EQ(error_of<Study>("model: {width: 12, blocks: {t: {mixer: {type: attention}}}}\n",
                            {"model.blocks.t.mixer.heads=5"}),
            "command line: model.blocks.t.mixer.heads: expected a divisor of the width 12, got 5");
}

TEST(ValidateTest, StructsWithOtherProblemsAreNotValidated) {
  EXPECT_EQ(
      error_of<Study>("model: {width: 10, widht: 3, blocks: {t: {mixer: {type: attention, heads: 3}}}}\n"),
      "x.yaml:1:20: model.widht: expected one of width, mixer, blocks, got an unknown key; did you mean "
      "'width'?");
}

TEST(ValidateTest, ConsistentFieldsPass) {
  EXPECT_EQ(error_of<Study>("model: {width: 12, blocks: {t: {mixer: {type: attention, heads: 3}}}}\n"), "");
}

}  // namespace
}  // namespace mabert::config::testing
