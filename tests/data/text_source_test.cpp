#include "mabert/data/text_source.h"

#include "fixtures.h"

#include <fcntl.h>
#include <sys/stat.h>

namespace mabert::data {
namespace {

using namespace std::string_literals;

class TextSourceTest : public testing::Test {
 protected:
  std::vector<std::string> documents(const std::vector<std::string>& names,
                                     const TextLimits& limits = {}) const {
    DocumentReader reader(find_text_inputs(names, TextFormat::automatic), limits);
    std::vector<std::string> result;
    while (auto document = reader.next()) result.push_back(*document);
    EXPECT_EQ(reader.bytes_read(), reader.bytes_total());
    return result;
  }
  using Documents = std::vector<std::string>;
  TempFolder folder_;
};

TEST_F(TextSourceTest, BlankLinesEndDocuments) {
  const auto path =
      folder_.write("a.txt", "\xEF\xBB\xBFone\r\ntwo \r\n\r\n \t\n\nthree\n\nlast line without end");
  EXPECT_EQ(documents({path}), (Documents{"one\ntwo ", "three", "last line without end"}));
  EXPECT_EQ(documents({folder_.write("b.txt", "\n\n \n")}), Documents{});
  EXPECT_EQ(documents({folder_.write("c.txt", "")}), Documents{});
  EXPECT_EQ(documents({folder_.write("d.txt", "x"), folder_.write("e.txt", "y")}), (Documents{"x", "y"}));
}

TEST_F(TextSourceTest, JsonLines) {
  const auto path = folder_.write("a.jsonl",
                                  "{\"text\": \"one\\ntwo \\ud83d\\ude00\", \"id\": 3}\n\n{\"id\": [1], "
                                  "\"text\": \"three\"}\n{\"text\": \" \"}\n");
  EXPECT_EQ(documents({path}), (Documents{"one\ntwo \U0001f600", "three"}));
  for (const std::string& bad : {"{\"text\": 3}"s, "{\"body\": \"x\"}"s, "[1]"s, "{\"text\": \"x\""s,
                                 "{\"text\": \"a\\u0000b\"}"s, "{\"text\": \"\\ud800\"}"s}) {
    const auto file = folder_.write("bad.jsonl", "{\"text\": \"fine\"}\n" + bad + "\n");
    expect_error<DataError>([&] { documents({file}); }, {file + ":2: "});
  }
}

TEST_F(TextSourceTest, ReadsXzWholeAndConcatenated) {
  std::string text = invented_text(200);
  const auto plain = documents({folder_.write("a.txt", text)});
  EXPECT_GT(plain.size(), 100u);
  EXPECT_EQ(documents({folder_.write("a.txt.xz", compress(text))}), plain);
  const std::size_t half = text.size() / 2;
  EXPECT_EQ(
      documents({folder_.write("b.txt.xz", compress(text.substr(0, half)) + compress(text.substr(half)))}),
      plain);
  EXPECT_EQ(documents({folder_.write("c.jsonl.xz", compress("{\"text\": \"json\"}\n"))}), Documents{"json"});
  EXPECT_EQ(documents({folder_.write("d.txt.xz", compress(""))}), Documents{});
}

TEST_F(TextSourceTest, DamagedXz) {
  const std::string packed = compress(invented_text(20));
  for (const std::size_t size : {std::size_t{7}, packed.size() / 2, packed.size() - 1}) {
    const auto cut = folder_.write("cut.txt.xz", packed.substr(0, size));
    expect_error<DataError>([&] { documents({cut}); }, {cut, "byte ", "xz"});
  }
  std::string flipped = packed;
  flipped[packed.size() / 2] ^= 1;
  EXPECT_THROW(documents({folder_.write("flipped.txt.xz", flipped)}), DataError);
  const auto not_xz = folder_.write("not.txt.xz", "plain text");
  expect_error<DataError>([&] { documents({not_xz}); }, {not_xz, "expected xz data"});
  EXPECT_THROW(documents({folder_.write("empty.txt.xz", "")}), DataError);
}

TEST_F(TextSourceTest, FoldersAndPatterns) {
  folder_.write("in/b.txt", "b");
  folder_.write("in/a/z.md", "az");
  folder_.write("in/c.jsonl", "{\"text\": \"c\"}");
  folder_.write("in/picture.png", "\xFF");
  folder_.write("in/.hidden.txt", "hidden");
  folder_.write("in/.git/x.txt", "hidden");
  const std::string in = (folder_ / "in").string();
  EXPECT_EQ(documents({in}), (Documents{"az", "b", "c"}));
  EXPECT_EQ(documents({in + "/*.txt"}), Documents{"b"});
  EXPECT_EQ(documents({in + "/b.txt", in}), (Documents{"b", "az", "c"}));
  expect_error<DataError>([&] { documents({in + "/*.csv"}); }, {"*.csv", "matches no file"});
  std::filesystem::create_directories(folder_ / "none");
  expect_error<DataError>([&] { documents({(folder_ / "none").string()}); }, {"none", ".txt"});
  expect_error<DataError>([&] { documents({in + "/missing.txt"}); }, {"missing.txt", "no such file"});
  EXPECT_THROW(find_text_inputs({}, TextFormat::automatic), UsageError);
}

TEST_F(TextSourceTest, UnreadableFile) {
  const auto path = folder_.write("secret.txt", "x");
  ::chmod(path.c_str(), 0);
  if (::access(path.c_str(), R_OK) == 0) GTEST_SKIP() << "this user may read everything";
  expect_error<DataError>([&] { documents({path}); }, {path, "cannot open"});
}

TEST_F(TextSourceTest, StandardInput) {
  const int saved = ::dup(0);
  const auto path = folder_.write("in", compress("one\n\ntwo\n"));
  const int file = ::open(path.c_str(), O_RDONLY);
  ASSERT_EQ(::dup2(file, 0), 0);
  DocumentReader reader(find_text_inputs(std::vector<std::string>{"-"}, TextFormat::automatic));
  EXPECT_EQ(reader.next(), "one");
  EXPECT_EQ(reader.next(), "two");
  EXPECT_EQ(reader.next(), std::nullopt);
  EXPECT_EQ(reader.bytes_total(), 0u);
  ::dup2(saved, 0);
  ::close(saved);
  ::close(file);
}

TEST_F(TextSourceTest, LinksThatLeadNowhereAreNamed) {
  folder_.write("in/a.txt", "fine");
  for (const char* name : {"b.txt", "c.txt"}) {
    std::filesystem::create_symlink(name, folder_ / "in" / name);  // leads to itself
    for (const char* input : {"in", "in/*"}) {
      const auto inputs = find_text_inputs(std::vector{(folder_ / input).string()}, TextFormat::automatic);
      EXPECT_EQ(inputs.size(), name == "b.txt"s ? 2u : 3u);
      expect_error<DataError>([&] { documents({(folder_ / input).string()}); }, {"b.txt", "cannot open"});
    }
  }
}

TEST_F(TextSourceTest, InvalidTextIsNamedByLineAndByte) {
  const auto latin1 = folder_.write("latin1.txt", "caf\u00e9\n\nna\xEFve\n");
  expect_error<DataError>([&] { documents({latin1}); }, {latin1 + ":3: ", "byte 9 ", "0xEF", "UTF-8"});
  const auto nul = folder_.write("nul.txt", "ab\nc\0d\n"s);
  expect_error<DataError>([&] { documents({nul}); }, {nul + ":2: ", "byte 4 ", "NUL"});
  const std::string late = std::string(600'000, 'x') + "\n" + std::string(10, 'y') + "\xC3";
  expect_error<DataError>([&] { documents({folder_.write("late.txt", late)}); }, {":2: ", "byte 600011 "});
}

TEST_F(TextSourceTest, TooLargeIsRefused) {
  const TextLimits limits{.line_bytes = 1000, .document_bytes = 3000};
  const std::string line(900, 'x');
  expect_error<DataError>([&] { documents({folder_.write("a.txt", "ok\n" + line + line + "\n")}, limits); },
                          {"a.txt:2: ", "longer than 1000"});
  expect_error<DataError>(
      [&] { documents({folder_.write("b.txt", line + "\n" + line + "\n" + line + "\n" + line)}, limits); },
      {"b.txt:4: ", "longer than 3000"});
  const std::string json = "{\"text\": \"" + std::string(3001, 'x') + "\"}";
  expect_error<DataError>([&] { documents({folder_.write("c.jsonl", json)}, limits); },
                          {"c.jsonl:1: ", "longer than 3000"});
}

}  // namespace
}  // namespace mabert::data
