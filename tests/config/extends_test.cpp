#include "options.h"

#include <string>

namespace mabert::config::testing {
namespace {

class ExtendsTest : public FolderTest {};

TEST_F(ExtendsTest, MapsAreMergedAndTheRestReplaced) {
  write("base.yaml",
        "count: 1\nsizes: [1, 2, 3]\nfeed_forward: {size: 5, activation: relu}\nblocks: {a: {size: 7}}\n");
  const std::string top =
      write("top.yaml", "extends: base.yaml\nsizes: [4]\nfeed_forward: {size: 6}\nblocks: {b: {size: 8}}\n");
  const auto value = load_config<Everything>(top);
  EXPECT_EQ(value.count, 1);
  EXPECT_EQ(value.sizes, std::vector<int64_t>{4});
  EXPECT_EQ(value.feed_forward, (FeedForward{6, Activation::relu}));
  EXPECT_EQ(value.blocks, (std::map<std::string, FeedForward>{{"a", {7}}, {"b", {8}}}));
}

TEST_F(ExtendsTest, LaterFilesWinAndPathsAreRelativeToTheFile) {
  write("parts/one.yaml", "extends: ../deep/zero.yaml\ncount: 1\nseed: 1\n");
  write("deep/zero.yaml", "count: 0\nseed: 0\nname: zero\n");
  write("parts/two.yaml", "seed: 2\n");
  const auto value =
      load_config<Everything>(write("top.yaml", "extends: [parts/one.yaml, parts/two.yaml]\n"));
  EXPECT_EQ(value.count, 1);
  EXPECT_EQ(value.seed, 2u);
  EXPECT_EQ(value.name, "zero");
}

TEST_F(ExtendsTest, MergedValuesKeepTheirFileAndLine) {
  write("base.yaml", "count: 1\nfeed_forward:\n  size: x\n");
  write("top.yaml", "extends: base.yaml\nfeed_forward:\n  activation: y\n");
  EXPECT_EQ(load_error<Everything>("top.yaml"),
            path("base.yaml") + ":3:9: feed_forward.size: expected an integer >= 1, got 'x'\n" +
                path("top.yaml") +
                ":3:15: feed_forward.activation: expected one of gelu, relu, swish, got 'y'");
}

TEST_F(ExtendsTest, AVariantOfAnotherTypeStartsAnew) {
  write("base.yaml", "mixer: {type: mamba, state_size: 4}\n");
  write("same.yaml", "extends: base.yaml\nmixer: {type: mamba}\n");
  write("other.yaml", "extends: base.yaml\nmixer: {type: attention, heads: 2}\n");
  write("more.yaml", "extends: other.yaml\nmixer: {dropout: 0.5}\n");
  write("back.yaml", "extends: more.yaml\nmixer: {type: mamba}\n");
  write("list.yaml", "extends: [base.yaml, back.yaml]\n");
  const auto mixer = [&](const char* name) { return load_config<Block>(path(name)).mixer.value; };
  EXPECT_EQ(mixer("same.yaml"), Mixer::Alternatives(Mamba{4}));
  EXPECT_EQ(mixer("other.yaml"), Mixer::Alternatives(Attention{2}));
  EXPECT_EQ(mixer("more.yaml"), Mixer::Alternatives(Attention{2, 0.5}));
  EXPECT_EQ(mixer("back.yaml"), Mixer::Alternatives(Mamba{16}));
  EXPECT_EQ(mixer("list.yaml"), Mixer::Alternatives(Mamba{16}));
}

struct Schedule {
  std::string type = "linear";
  int64_t warmup = 0;

  template <class Self, class Visitor>
  static void visit_fields(Self& self, Visitor& visit) {
    visit("type", self.type, "Form.");
    visit("warmup", self.warmup, "Steps.");
  }
};

TEST_F(ExtendsTest, AFieldNamedTypeDropsNothing) {
  write("base.yaml", "{type: linear, warmup: 3}\n");
  const auto value = load_config<Schedule>(write("top.yaml", "extends: base.yaml\ntype: cosine\n"));
  EXPECT_EQ(value.type, "cosine");
  EXPECT_EQ(value.warmup, 3);
  EXPECT_EQ(load_config<Schedule>(path("base.yaml"), {"type=cosine"}).warmup, 3);
}

TEST_F(ExtendsTest, NullReplacesAMap) {
  write("base.yaml", "extra: {size: 4}\n");
  EXPECT_FALSE(
      load_config<Everything>(write("top.yaml", "extends: base.yaml\nextra: ~\n")).extra.has_value());
}

TEST_F(ExtendsTest, CyclesAreRefused) {
  write("a.yaml", "extends: sub/b.yaml\n");
  write("sub/b.yaml", "extends: [../a.yaml]\n");
  EXPECT_EQ(load_error<Everything>("a.yaml"), path("sub/b.yaml") +
                                                  ":1:11: extends: expected files without a cycle, got '" +
                                                  path("a.yaml") + "' again");
  write("self.yaml", "count: 1\nextends: ./self.yaml\n");
  EXPECT_EQ(load_error<Everything>("self.yaml"), path("self.yaml") +
                                                     ":2:10: extends: expected files without a cycle, got '" +
                                                     path("self.yaml") + "' again");
}

TEST_F(ExtendsTest, TheSameFileTwiceIsNoCycle) {
  write("base.yaml", "count: 9\n");
  write("a.yaml", "extends: base.yaml\n");
  write("b.yaml", "extends: base.yaml\n");
  EXPECT_EQ(load_config<Everything>(write("top.yaml", "extends: [a.yaml, b.yaml]\n")).count, 9);
}

TEST_F(ExtendsTest, DepthAndNumberAreBounded) {
  for (int i = 0; i < 17; ++i) {
    write(std::to_string(i) + ".yaml",
          i == 0 ? "count: 3\n" : "extends: " + std::to_string(i - 1) + ".yaml\n");
  }
  EXPECT_EQ(load_config<Everything>(path("15.yaml")).count, 3);
  EXPECT_EQ(load_error<Everything>("16.yaml"),
            path("1.yaml") + ":1:10: extends: expected at most 16 files deep, got '" + path("0.yaml") + "'");
  for (int i = 1; i < 10; ++i) {
    const std::string below = std::to_string(i - 1) + ".yaml";
    write(std::to_string(i) + ".yaml", "extends: [" + below + ", " + below + "]\n");
  }
  EXPECT_NE(load_error<Everything>("9.yaml").find("extends: expected at most 64 files, got "),
            std::string::npos);
}

TEST_F(ExtendsTest, WrongFilesAreReportedAtTheirName) {
  write("a.yaml", "extends: no.yaml\n");
  EXPECT_EQ(load_error<Everything>("a.yaml"),
            path("a.yaml") +
                ":1:10: extends: expected a readable config file, got No such file or directory for '" +
                path("no.yaml") + "'");
  write("a.yaml", "extends: [b, {}]\n");
  write("b", "- 1");
  EXPECT_EQ(load_error<Everything>("a.yaml"), path("b") + ":1:1: expected a map, got a list");
  write("b", "");
  EXPECT_EQ(load_error<Everything>("a.yaml"),
            path("a.yaml") + ":1:14: extends: expected a file name, got a map");
  write("a.yaml", "extends:\n");
  EXPECT_EQ(load_error<Everything>("a.yaml"),
            path("a.yaml") + ":1:1: extends: expected a file name, got null");
  write("a.yaml", "feed_forward: {extends: b}\n");
  EXPECT_EQ(load_error<Everything>("a.yaml"), path("a.yaml") +
                                                  ":1:16: feed_forward.extends: expected one of size, "
                                                  "activation, got an unknown key");
}

}  // namespace
}  // namespace mabert::config::testing
