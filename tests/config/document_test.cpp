#include "options.h"

#include <string>
#include <utility>

namespace mabert::config::testing {
namespace {

using namespace std::string_literals;
using Case = std::pair<std::string, std::string>;

class DocumentRefusalTest : public ::testing::TestWithParam<Case> {};

TEST_P(DocumentRefusalTest, SaysWhereAndWhat) {
  EXPECT_EQ(error_of<Everything>(GetParam().first), GetParam().second);
}

INSTANTIATE_TEST_SUITE_P(
    Yaml, DocumentRefusalTest,
    ::testing::Values(
        Case{"count: 1\nname: x\ncount: 2",
             "x.yaml:3:1: count: expected each key once, got a second one (the first is in line 1)"},
        Case{"blocks:\n  a: {size: 1, size: 1}",
             "x.yaml:2:16: blocks.a.size: expected each key once, got a second one (the first is in line 2)"},
        Case{"count: 1\n\"count\": 2",
             "x.yaml:2:1: count: expected each key once, got a second one (the first is in line 1)"},
        Case{"count: &a 1\n", "x.yaml:1:8: count: expected a value written out, got an anchor"},
        Case{"sizes: &a [*a]\n", "x.yaml:1:8: sizes: expected a value written out, got an anchor"},
        Case{"limit: &a\n", "x.yaml:1:8: limit: expected a value written out, got an anchor"},
        Case{"count: !!int 1",
             "x.yaml:1:8: count: expected a value without a tag, got 'tag:yaml.org,2002:int'"},
        Case{"sizes: !x [1]", "x.yaml:1:8: sizes: expected a value without a tag, got '!x'"},
        Case{"count: 1\n---\ncount: 2", "x.yaml:2:1: expected one document, got more text after its end"},
        Case{"count: 1\n...\n---\n", "x.yaml:3:1: expected one document, got more text after its end"},
        Case{"? [a]\n: 1", "x.yaml:1:3: expected a key, got a list"},
        Case{"sizes: [1, 2",
             "x.yaml:2:1: sizes[2]: expected valid YAML, got an error (end of sequence flow not found)"},
        Case{"~: 1", "x.yaml:1:1: expected a key, got null"},
        Case{"feed_forward:\n\tsize: 1", "x.yaml:2:1: expected spaces, got a tab"},
        Case{"count: 1 \t# x", "x.yaml:1:10: expected spaces, got a tab"},
        Case{"name: \"a\0b\""s, "x.yaml:1:9: expected text, got control character 0x00"},
        Case{"name: a\x04\ncount: x", "x.yaml:1:8: expected text, got control character 0x04"},
        Case{"name: a\rb", "x.yaml:1:8: expected text, got control character 0x0d"},
        Case{"name: \xff", "x.yaml:1:7: expected UTF-8 text, got byte 0xff"},
        Case{"count: 1\nname: \xc3\xa4\xed\xa0\x80", "x.yaml:2:8: expected UTF-8 text, got byte 0xed"},
        Case{"name: \xc0\x80", "x.yaml:1:7: expected UTF-8 text, got byte 0xc0"},
        Case{"name: \xe2\x82", "x.yaml:1:7: expected UTF-8 text, got byte 0xe2"},
        Case{"\xff\xfe"
             "a\0"s,
             "x.yaml:1:1: expected UTF-8 text, got byte 0xff"}));

TEST(DocumentTest, SyntaxErrorsHaveAPosition) {
  for (const char* text :
       {"count: [1", "count: 1\n  name: x", "count: \"abc", "{count: 1", "a: b: c", "count: @x", "count: *a",
        "count: 1\n]", "%YAML 9.9\n---\n%", "name: \"\\xZZ\"", "- a\nb: c"}) {
    const std::string error = error_of<Everything>(text);
    EXPECT_TRUE(error.starts_with("x.yaml:")) << text << " -> " << error;
    EXPECT_NE(error.find("expected "), std::string::npos) << text << " -> " << error;
    EXPECT_EQ(error.find('\n'), std::string::npos) << error;
  }
}

TEST(DocumentTest, OpenQuotesAreRefused) {
  for (const char* text :
       {"name: \"x", "name: \"x\n", "name: 'x\n\n", "name: \"x\ncount: 1\n", "name: \"x\\", "name: 'x  "}) {
    const std::string error = error_of<Everything>(text);
    EXPECT_NE(error.find("name: expected valid YAML, got an error ("), std::string::npos)
        << text << " -> " << error;
  }
}

TEST(DocumentTest, BlockTextAtTheEndIsWhole) {
  EXPECT_EQ(value_of<Everything>("name: |\n  x").name, "x\n");
  EXPECT_EQ(value_of<Everything>("name: |\n  x\n").name, "x\n");
  EXPECT_EQ(value_of<Everything>("name: |+\n  x\n").name, "x\n");
  EXPECT_EQ(value_of<Everything>("name: |-\n  x\n\n").name, "x");
}

TEST(DocumentTest, NestingIsBounded) {
  const auto nested = [](size_t depth) {
    return "words: " + std::string(depth - 1, '[') + std::string(depth - 1, ']');
  };
  EXPECT_EQ(error_of<Everything>(nested(32)).find("levels"), std::string::npos);
  const std::string place = "x.yaml:1:39: words";
  const std::string error = error_of<Everything>(nested(33));
  EXPECT_TRUE(error.starts_with(place)) << error;
  EXPECT_TRUE(error.ends_with(": expected at most 32 levels, got more")) << error;
}

TEST(DocumentTest, HugeNestingIsRefused) {
  for (const char* piece : {"[", "{", "- ", "? ", "[a: ", "{a: ", "\"a\": "}) {
    std::string text;
    while (text.size() < 100000) text += piece;
    EXPECT_NE(error_of<Everything>(text), "") << piece;
  }
}

TEST(DocumentTest, ManyProblemsTakeNoTime) {
  std::string text;
  for (int i = 0; i < 80000; ++i) text += "k" + std::to_string(i) + ": 1\n";
  EXPECT_TRUE(error_of<Everything>(text).starts_with("x.yaml:1:1: k0: "));
}

TEST(DocumentTest, ValuesKeepTheirPosition) {
  const Document document = parse("a: 1\nb:\n  c: [x, {d: \"y\"}]\n  e:\n", "x.yaml");
  const Node& b = *document.root.find("b");
  const Node& list = *b.find("c");
  EXPECT_EQ(to_string(document.root.position), "x.yaml:1:1");
  EXPECT_EQ(to_string(b.key_position), "x.yaml:2:1");
  EXPECT_EQ(to_string(b.position), "x.yaml:3:3");
  EXPECT_EQ(to_string(list.position), "x.yaml:3:6");
  EXPECT_EQ(to_string(list.children[0].position), "x.yaml:3:7");
  EXPECT_EQ(to_string(list.children[1].find("d")->key_position), "x.yaml:3:11");
  EXPECT_EQ(to_string(list.children[1].find("d")->position), "x.yaml:3:14");
  EXPECT_TRUE(list.children[1].find("d")->quoted);
  EXPECT_EQ(to_string(b.find("e")->position), "x.yaml:4:3");
}

class DocumentFileTest : public FolderTest {};

TEST_F(DocumentFileTest, FilesAreRead) {
  EXPECT_EQ(load_config<Everything>(write("a.yaml", "count: 5\n")).count, 5);
  EXPECT_EQ(load_config<Everything>(write("empty.yaml", "")), Everything{});
}

TEST_F(DocumentFileTest, UnreadableFilesAreNamed) {
  EXPECT_EQ(load_error<Everything>("no.yaml"),
            path("no.yaml") + ": expected a readable config file, got No such file or directory");
  EXPECT_EQ(load_error<Everything>("."), path(".") + ": expected a readable config file, got a directory");
  write("a.yaml", "count: x");
  EXPECT_EQ(load_error<Everything>("a.yaml"), path("a.yaml") + ":1:8: count: expected an integer, got 'x'");
}

TEST_F(DocumentFileTest, SizeIsBounded) {
  constexpr size_t limit = size_t{1} << 20;
  const std::string text = "count: 5\n#";
  EXPECT_EQ(load_config<Everything>(write("a.yaml", text + std::string(limit - text.size(), 'x'))).count, 5);
  write("a.yaml", text + std::string(limit - text.size() + 1, 'x'));
  EXPECT_EQ(load_error<Everything>("a.yaml"),
            path("a.yaml") + ": expected a readable config file, got more than 1 MiB");
}

}  // namespace
}  // namespace mabert::config::testing
