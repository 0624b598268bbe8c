#include "mabert/data/sharding.h"

#include "fixtures.h"
#include "system_calls.h"

#include <cerrno>
#include <csignal>
#include <map>
#include <set>
#include <sys/resource.h>

namespace mabert::data {
namespace {

namespace fs = std::filesystem;

class ShardingTest : public testing::Test {
 protected:
  ShardingTest() {
    options_.inputs = {folder_.write("in/a.txt", invented_text(300, 5)),
                       folder_.write("in/b.txt", invented_text(100, 6))};
    options_.tokenizer = folder_.write("t.model", small_tokenizer().serialized());
    options_.output = folder_ / "out";
    options_.shard_tokens = 20'000;
    options_.valid_fraction = 0.1;
    options_.threads = 1;
  }
  static std::map<std::string, std::string> files(const fs::path& folder) {
    std::map<std::string, std::string> all;
    for (const auto& entry : fs::recursive_directory_iterator(folder)) {
      if (entry.is_regular_file())
        all[fs::relative(entry.path(), folder).string()] = read_text_file(entry.path(), 1 << 26);
    }
    return all;
  }
  static std::vector<std::string> texts(const fs::path& directory) {
    const ShardSet set(directory);
    set.verify();
    set.require_tokenizer(small_tokenizer());
    std::vector<std::string> all;
    for (std::uint64_t d = 0; d < set.documents(); ++d) {
      std::vector<std::int32_t> ids(set.length(d));
      set.document(d).copy(0, ids);
      all.push_back(small_tokenizer().decode(ids));
    }
    return all;
  }
  // Nothing of the output, nor of what it is made from, beside it.
  void expect_nothing_left() const {
    for (const auto& entry : fs::directory_iterator(folder_.path())) {
      EXPECT_FALSE(entry.path().filename().string().starts_with("out")) << entry.path();
    }
  }
  TempFolder folder_;
  ShardOptions options_;
};

TEST_F(ShardingTest, HoldsTheTextInOrder) {
  ShardProgress last;
  std::uint64_t calls = 0;
  const ShardSummary summary = write_shards(options_, [&](const ShardProgress& progress) {
    EXPECT_GE(progress.bytes_done, last.bytes_done);
    last = progress;
    ++calls;
  });
  EXPECT_GT(calls, 1u);
  EXPECT_EQ(last.bytes_done, last.bytes_total);
  EXPECT_EQ(last.documents, 400u);
  ASSERT_TRUE(summary.valid);
  EXPECT_EQ(summary.train.documents + summary.valid->documents, 400u);
  EXPECT_EQ(summary.train.tokens + summary.valid->tokens, last.tokens);
  EXPECT_GT(summary.valid->documents, 15u);
  EXPECT_LT(summary.valid->documents, 80u);
  EXPECT_GT(summary.train.shards, 2u);
  EXPECT_EQ(summary.unknown_tokens, 0u);

  DocumentReader reader(find_text_inputs(options_.inputs, TextFormat::automatic));
  std::vector<std::string> train = texts(options_.output / "train"), valid = texts(options_.output / "valid");
  std::size_t t = 0, v = 0;
  while (auto document = reader.next()) {
    std::replace(document->begin(), document->end(), '\n', ' ');
    if (v < valid.size() && valid[v] == *document) {
      ++v;
    } else {
      ASSERT_LT(t, train.size());
      ASSERT_EQ(train[t++], *document);
    }
  }
  EXPECT_EQ(v, valid.size());
  EXPECT_EQ(load_tokenizer(options_.output / "tokenizer.model")->fingerprint(),
            small_tokenizer().fingerprint());
}

TEST_F(ShardingTest, ThreadsDoNotShow) {
  write_shards(options_);
  const auto one = files(options_.output);
  for (const int threads : {2, 7, 0}) {
    options_.threads = threads;
    write_shards(options_);
    EXPECT_EQ(files(options_.output), one) << threads;
  }
  options_.seed = 1;
  write_shards(options_);
  EXPECT_NE(files(options_.output), one);
}

TEST_F(ShardingTest, RepeatedTextStaysOnOneSide) {
  const std::string text = invented_text(50, 9);
  options_.inputs = {folder_.write("x.txt", text), folder_.write("y.txt", text)};
  write_shards(options_);
  const auto train = texts(options_.output / "train"), valid = texts(options_.output / "valid");
  for (const std::string& held_out : valid) EXPECT_EQ(std::count(train.begin(), train.end(), held_out), 0);
}

TEST_F(ShardingTest, NamedValidationTexts) {
  options_.valid_inputs = {options_.inputs[1]};
  options_.inputs.pop_back();
  const ShardSummary summary = write_shards(options_);
  EXPECT_EQ(summary.train.documents, 300u);
  EXPECT_EQ(summary.valid->documents, 100u);
  options_.valid_inputs.clear();
  options_.valid_fraction = 0;
  EXPECT_FALSE(write_shards(options_).valid);
  EXPECT_FALSE(fs::exists(options_.output / "valid"));
}

TEST_F(ShardingTest, EarlierOutputStaysWhenARunFails) {
  write_shards(options_);
  const auto before = files(options_.output);
  options_.inputs.push_back(folder_.write("bad.txt", "fine\n\nna\xEFve\n"));
  for (const int threads : {1, 3}) {
    options_.threads = threads;
    expect_error<DataError>([&] { write_shards(options_); }, {"bad.txt:3: ", "UTF-8"});
  }
  EXPECT_EQ(files(options_.output), before);
  EXPECT_FALSE(fs::exists(folder_ / "out.part"));
}

TEST_F(ShardingTest, FailedRunsLeaveNothing) {
  const auto expect_failure = [&](const std::vector<std::string>& parts) {
    expect_error<DataError>([&] { write_shards(options_); }, parts);
    expect_nothing_left();
  };
  const ShardOptions good = options_;
  options_.inputs = {folder_.write("empty.txt", "\n \n")};
  expect_failure({"empty.txt", "no text"});
  options_.inputs = {folder_.write("vanishing.txt", "\u200b\n\n\u200b\n")};
  expect_failure({"vanishing.txt", "no text"});
  options_.inputs = {folder_.write("single.txt", "balo kemi\n")};
  options_.valid_fraction = 0.01;
  expect_failure({"single.txt", "held out", "valid_fraction"});
  options_ = good;
  options_.tokenizer = folder_ / "absent.model";
  expect_failure({"absent.model"});
  options_ = good;
  options_.inputs = {(folder_ / "absent.txt").string()};
  expect_failure({"absent.txt"});
}

TEST_F(ShardingTest, ReplacesOnlyItsOwnFolders) {
  folder_.write("out/thesis.tex", "precious");
  expect_error<UsageError>([&] { write_shards(options_); }, {"out", "thesis.tex"});
  EXPECT_TRUE(fs::exists(folder_ / "out/thesis.tex"));
  fs::remove_all(folder_ / "out");
  folder_.write("out", "a file");
  EXPECT_THROW(write_shards(options_), UsageError);
  fs::remove(folder_ / "out");
  folder_.write("out.part/train/shard-00000.bin", "left by a killed run");
  write_shards(options_);
  EXPECT_FALSE(fs::exists(folder_ / "out.part"));
  // Killed between the renames: the earlier folder comes back first.
  fs::rename(folder_ / "out", folder_ / "out.old");
  options_.inputs = {(folder_ / "absent.txt").string()};
  EXPECT_THROW(write_shards(options_), DataError);
  ShardSet(folder_ / "out/train").verify();
}

TEST_F(ShardingTest, AFailedCommitPutsTheEarlierFolderBack) {
  write_shards(options_);
  const auto before = files(options_.output);
  options_.seed = 1;
  for (const int code : {EACCES, ENOSPC, EDQUOT}) {
    const FailingCall failing(FailingCall::Name::rename, (folder_ / "out.part").string(), code);
    if (code == EACCES) {
      EXPECT_THROW(write_shards(options_), DataError);
    } else {
      EXPECT_THROW(write_shards(options_), DiskFullError);
    }
    EXPECT_EQ(files(options_.output), before);
    EXPECT_FALSE(fs::exists(folder_ / "out.part"));
    EXPECT_FALSE(fs::exists(folder_ / "out.old"));
  }
}

TEST_F(ShardingTest, AFolderThatCannotBeMadeIsToldAsSuch) {
  for (const int code : {ENOSPC, EDQUOT}) {
    const FailingCall failing(FailingCall::Name::mkdir, (folder_ / "out.part/valid").string(), code);
    expect_error<DiskFullError>([&] { write_shards(options_); }, {"out.part/valid", "full"});
    expect_nothing_left();
  }
  options_.output = folder_ / std::string(300, 'x');  // longer than a name may be
  expect_error<DataError>([&] { write_shards(options_); }, {"xxx", "cannot write"});
}

TEST_F(ShardingTest, FileSizeLimitFailsCleanly) {
  // A limit on the size of files stands for a disk that refuses more.
  rlimit before{};
  ::getrlimit(RLIMIT_FSIZE, &before);
  const auto handler = std::signal(SIGXFSZ, SIG_IGN);
  const rlimit small{20'000, before.rlim_max};
  ::setrlimit(RLIMIT_FSIZE, &small);
  for (const int threads : {1, 3}) {
    options_.threads = threads;
    EXPECT_THROW(write_shards(options_), Error);
  }
  ::setrlimit(RLIMIT_FSIZE, &before);
  std::signal(SIGXFSZ, handler);
  expect_nothing_left();
}

}  // namespace
}  // namespace mabert::data
