#include "mabert/data/shard_set.h"

#include "fixtures.h"

#include <set>
#include <sys/stat.h>

namespace mabert::data {
namespace {

namespace fs = std::filesystem;

class FakeTokenizer final : public Tokenizer {
 public:
  explicit FakeTokenizer(std::int64_t size) : size_(size) {}
  std::vector<std::int32_t> encode_continuation(std::string_view) const override { return {}; }
  std::unique_ptr<Encoder> encoder() const override { return nullptr; }
  std::string decode(std::span<const std::int32_t>) const override { return ""; }
  std::string piece(std::int32_t) const override { return ""; }
  std::int64_t vocabulary_size() const override { return size_; }
  const std::string& serialized() const override { return bytes_; }

 private:
  std::int64_t size_;
  std::string bytes_ = "fake";
};

std::string slurp(const fs::path& path) { return read_text_file(path, 1 << 26); }

class ShardSetTest : public testing::Test {
 protected:
  // Documents whose tokens tell document and place.
  std::vector<std::vector<std::int32_t>> write(std::int64_t vocabulary, std::uint64_t shard_tokens,
                                               int documents) {
    ShardSetWriter writer(directory(), FakeTokenizer(vocabulary), shard_tokens);
    std::vector<std::vector<std::int32_t>> all;
    for (int d = 0; d < documents; ++d) {
      std::vector<std::int32_t> ids(static_cast<std::size_t>(1 + (d * 7) % 50));
      for (std::size_t i = 0; i < ids.size(); ++i) {
        ids[i] = static_cast<std::int32_t>(5 + random_below(static_cast<std::uint64_t>(vocabulary) - 5, 3,
                                                            i + 1000u * static_cast<unsigned>(d)));
      }
      ids.back() = static_cast<std::int32_t>(vocabulary - 1);
      writer.append(ids);
      all.push_back(ids);
    }
    summary_ = writer.finish();
    return all;
  }
  void expect_damage(const std::string& part = "") const {
    expect_error<DataError>([&] { ShardSet(directory()).verify(); }, {part, "mabert shard"});
  }
  fs::path directory() const { return folder_ / "set"; }
  TempFolder folder_;
  ShardSetSummary summary_;
};

TEST_F(ShardSetTest, RoundTrip) {
  for (const std::int64_t vocabulary : {400, 65'536, 65'537, 1'000'000}) {
    fs::remove_all(directory());
    const auto all = write(vocabulary, 777, 200);
    const ShardSet set(directory());
    set.verify();
    ASSERT_EQ(set.documents(), 200u);
    EXPECT_GT(summary_.shards, 3u);
    EXPECT_EQ(set.vocabulary_size(), vocabulary);
    std::uint64_t tokens = 0;
    for (std::uint64_t d = 0; d < set.documents(); ++d) {
      const DocumentTokens document = set.document(d);
      ASSERT_EQ(document.size(), all[d].size());
      ASSERT_EQ(set.length(d), all[d].size());
      std::vector<std::int32_t> ids(document.size());
      document.copy(0, ids);
      ASSERT_EQ(ids, all[d]);
      std::vector<std::int32_t> tail(document.size() / 2);
      document.copy(document.size() - tail.size(), tail);
      ASSERT_TRUE(
          std::equal(tail.begin(), tail.end(), all[d].end() - static_cast<std::ptrdiff_t>(tail.size())));
      EXPECT_THROW(document.copy(1, ids), UsageError);
      tokens += document.size();
    }
    EXPECT_EQ(set.tokens(), tokens);
    EXPECT_EQ(summary_.tokens, tokens);
    EXPECT_THROW(set.document(200), UsageError);
  }
}

TEST_F(ShardSetTest, RefusesTokensThatAreNoText) {
  ShardSetWriter writer(directory(), FakeTokenizer(400), 100);
  for (const std::int32_t bad : {-1, 0, 2, 3, 4, 400}) {
    EXPECT_THROW(writer.append(std::vector<std::int32_t>{5, bad}), DataError);
  }
  EXPECT_THROW(writer.append({}), UsageError);
  writer.append(std::vector<std::int32_t>{1, 399});
}

TEST_F(ShardSetTest, EveryFlippedByteIsFound) {
  write(400, 500, 60);
  for (const auto& entry : fs::directory_iterator(directory())) {
    const std::string whole = slurp(entry.path());
    const bool index = entry.path().filename() == "index.json";
    for (std::size_t at = 0; at < whole.size(); ++at) {
      // White space between the index's values carries nothing.
      if (index && (whole[at] == ' ' || whole[at] == '\n')) continue;
      std::string damaged = whole;
      damaged[at] = static_cast<char>(damaged[at] ^ (1 << (at % 7)));
      write_file_atomically(entry.path(), damaged);
      bool found = false;
      try {
        ShardSet(directory()).verify();
      } catch (const DataError& error) {
        found =
            std::string(error.what()).find(entry.path().filename().string()) != std::string::npos || index;
      }
      ASSERT_TRUE(found) << entry.path() << " byte " << at;
    }
    write_file_atomically(entry.path(), whole);
  }
  ShardSet(directory()).verify();
}

TEST_F(ShardSetTest, OpeningNamesWhatIsWrong) {
  write(400, 1'000'000, 60);
  const fs::path shard = directory() / "shard-00000.bin";
  const std::string whole = slurp(shard);
  for (const std::size_t size : {std::size_t{0}, std::size_t{8}, std::size_t{47}, std::size_t{48},
                                 whole.size() - 8, whole.size() - 1}) {
    write_file_atomically(shard, whole.substr(0, size));
    expect_error<DataError>([&] { ShardSet set(directory()); }, {shard.string(), "byte ", "mabert shard"});
  }
  write_file_atomically(shard, "something" + whole.substr(9));
  expect_damage("does not begin as a shard");
  std::string bad_offset = whole;
  bad_offset[whole.size() - 9] = '\x7f';  // high byte of the last document's first token
  write_file_atomically(shard, bad_offset);
  expect_error<DataError>([&] { ShardSet set(directory()); }, {shard.string(), "byte ", "document "});
  std::string bad_token = whole;
  bad_token[48 + 10 * 2 + 1] = '\x7f';
  write_file_atomically(shard, bad_token);
  expect_error<DataError>([&] { ShardSet(directory()).verify(); }, {"byte 68", "token 10"});
  fs::remove(shard);
  expect_error<DataError>([&] { ShardSet set(directory()); }, {shard.string()});
}

TEST_F(ShardSetTest, FingerprintIsThatOfTheContent) {
  const auto fingerprint = [&](std::uint64_t shard_tokens, int documents) {
    fs::remove_all(directory());
    write(400, shard_tokens, documents);
    return ShardSet(directory()).fingerprint();
  };
  const std::string known = fingerprint(500, 60);
  EXPECT_NE(fingerprint(500, 61), known);
  EXPECT_NE(fingerprint(400, 60), known);
  EXPECT_EQ(fingerprint(500, 60), known);
  fs::rename(directory(), folder_ / "moved");
  EXPECT_EQ(ShardSet(folder_ / "moved").fingerprint(), known);
}

TEST_F(ShardSetTest, WithoutItsIndexItIsNoSet) {
  // Longer than a name may be: whether it exists cannot be told.
  expect_error<DataError>([&] { ShardSet set(folder_ / std::string(300, 'x')); }, {"xxx", "cannot open"});
  expect_error<DataError>([&] { ShardSet set(folder_ / "nowhere"); }, {"nowhere", "mabert shard"});
  {
    ShardSetWriter writer(directory(), FakeTokenizer(400), 10);
    for (int i = 0; i < 10; ++i) writer.append(std::vector<std::int32_t>{5, 6, 7, 8, 9, 10});
  }
  EXPECT_TRUE(fs::exists(directory() / "shard-00000.bin"));
  EXPECT_THROW(ShardSet set(directory()), DataError);
  write_file_atomically(directory() / "index.json", "{\"format\": \"mabert-shards\"");
  expect_damage("not a JSON object");
  write_file_atomically(directory() / "index.json", "{\"format\": 3}");
  expect_damage("not the index");
}

TEST_F(ShardSetTest, SwappedShardsAreFound) {
  write(400, 500, 100);
  fs::rename(directory() / "shard-00000.bin", directory() / "x");
  fs::rename(directory() / "shard-00001.bin", directory() / "shard-00000.bin");
  fs::rename(directory() / "x", directory() / "shard-00001.bin");
  expect_damage();
}

TEST_F(ShardSetTest, KnowsItsTokenizer) {
  write(400, 500, 10);
  const ShardSet set(directory());
  set.require_tokenizer(FakeTokenizer(400));
  expect_error<DataError>([&] { set.require_tokenizer(small_tokenizer()); },
                          {directory().string(), "another tokenizer"});
}

TEST_F(ShardSetTest, FullDiskIsToldAsSuch) {
  if (!fs::exists("/dev/full")) GTEST_SKIP() << "no /dev/full here";
  ShardSetWriter writer(directory(), FakeTokenizer(400), 1'000'000'000);
  fs::create_symlink("/dev/full", directory() / ("shard-00000.bin.part-" + std::to_string(::getpid())));
  writer.append(std::vector<std::int32_t>(100, 7));
  EXPECT_THROW(writer.finish(), DiskFullError);
  EXPECT_FALSE(fs::exists(directory() / "index.json"));
  EXPECT_TRUE(fs::is_empty(directory()));
}

}  // namespace
}  // namespace mabert::data
