#include "mabert/data/tokenizer.h"

#include "fixtures.h"

#include <algorithm>

namespace mabert::data {
namespace {

// Text meant to break things: whatever it holds, no special id but [UNK] may come out.
std::vector<std::string> hostile_texts() {
  std::vector<std::string> texts{
      "",
      " \t\n ",
      "[MASK]",
      "x[MASK]y [CLS][SEP] [PAD] [UNK] [mask] \u2581[MASK]\u2581 [MA\u200bSK]",
      "<s> </s> <unk> <pad> <0x41> \u2047 \u2581\u2581\u2581",
      "\U0001f600\U0001f468\u200d\U0001f469\u200d\U0001f467 \U0001f1e9\U0001f1ea",
      "e\u0301\u0327\u0302\u0303 Z\u0351\u036b\u0343a\u0324\u0332l\u0319g\u0321o",
      "\u05e9\u05dc\u05d5\u05dd \u0645\u0631\u062d\u0628\u0627 \u202eright to left\u202c",
      "zero\u200bwidth\u200d \ufeff \u2060 \u00ad soft\u00adhyphen",
      "\x01\x02\x1b[31m\x7f\x0b\x0c \u0085 \u2028 \u2029",
      "\ufb01 \u2460 \u00b4 \u00a8 \uff21\uff22 \u3392 \u1e9e \u0130",
      "\ud7ff\ue000\ufffd\ufffe\uffff \U0010ffff \U000e0041",
      std::string(100'000, 'q'),
  };
  std::string long_emoji;
  for (int i = 0; i < 5000; ++i) long_emoji += "\U0001f600";
  texts.push_back(long_emoji);
  return texts;
}

class TokenizerTest : public testing::TestWithParam<std::tuple<TokenizerType, bool>> {
 protected:
  static const Tokenizer& tokenizer() {
    static std::map<std::tuple<TokenizerType, bool>, std::shared_ptr<const Tokenizer>> all;
    auto& entry = all[GetParam()];
    // The extra text invites the trainer to learn the special tokens' names as pieces.
    std::string extra;
    for (int i = 0; i < 200; ++i) extra += "[MASK] x[MASK]y [CLS] [SEP]\n";
    if (!entry) entry = train_small(std::get<0>(GetParam()), std::get<1>(GetParam()), extra);
    return *entry;
  }
};

TEST_P(TokenizerTest, SpecialIdsAreFixed) {
  const SpecialIds special = tokenizer().special();
  EXPECT_EQ(tokenizer().piece(special.pad), "[PAD]");
  EXPECT_EQ(tokenizer().piece(special.unknown), "[UNK]");
  EXPECT_EQ(tokenizer().piece(special.cls), "[CLS]");
  EXPECT_EQ(tokenizer().piece(special.sep), "[SEP]");
  EXPECT_EQ(tokenizer().piece(special.mask), "[MASK]");
  EXPECT_EQ(tokenizer().vocabulary_size(), 400);
  EXPECT_THROW(tokenizer().piece(400), UsageError);
  EXPECT_THROW(tokenizer().decode(std::vector<std::int32_t>{-1}), UsageError);
}

TEST_P(TokenizerTest, NoTextYieldsSpecialIds) {
  const auto encoder = tokenizer().encoder();
  for (const std::string& text : hostile_texts()) {
    for (const auto& ids : {tokenizer().encode(text), tokenizer().encode_continuation(text)}) {
      for (const std::int32_t id : ids) {
        ASSERT_TRUE(id == 1 || (id >= 5 && id < 400)) << id << " in " << text.substr(0, 80);
      }
    }
    // Twice with one encoder: from its memory the second time.
    for (int i = 0; i < 2; ++i) {
      std::vector<std::int32_t> ids;
      encoder->append(text, ids);
      ASSERT_EQ(ids, tokenizer().encode(text));
    }
  }
}

TEST_P(TokenizerTest, DecodingIsStable) {
  for (const std::string& text : hostile_texts()) {
    const auto ids = tokenizer().encode(text);
    const std::string once = tokenizer().decode(ids);
    if (std::count(ids.begin(), ids.end(), 1) == 0) {
      EXPECT_EQ(tokenizer().decode(tokenizer().encode(once)), once);
    }
  }
  for (const std::string text : {"balo kemi, nursta.", "tre [MASK] vis", "a b c"}) {
    const auto ids = tokenizer().encode(text);
    if (std::count(ids.begin(), ids.end(), 1) == 0) {
      EXPECT_EQ(tokenizer().decode(ids), text);
    }
  }
  if (std::get<1>(GetParam())) {
    const std::string text = "\U0001f600 \u4e2d\u6587 \u05e9\u05dc\u05d5\u05dd";
    EXPECT_EQ(tokenizer().decode(tokenizer().encode(text)), text);
  }
}

TEST_P(TokenizerTest, WordsDoNotDependOnTheirSurroundings) {
  const auto encode = [&](std::string_view text) { return tokenizer().encode(text); };
  auto joined = encode("balo");
  for (const std::int32_t id : encode("kemi.")) joined.push_back(id);
  EXPECT_EQ(encode("  balo \t\n kemi. "), joined);
}

TEST_P(TokenizerTest, ContinuationsInventNoWordBoundary) {
  const auto first_piece = [&](std::string_view text) {
    return tokenizer().piece(tokenizer().encode_continuation(text)[0]);
  };
  EXPECT_FALSE(first_piece(".").starts_with("\u2581"));
  EXPECT_FALSE(first_piece("balo kemi").starts_with("\u2581"));
  EXPECT_TRUE(first_piece(" balo").starts_with("\u2581"));
  EXPECT_EQ(tokenizer().encode_continuation(" balo kemi"), tokenizer().encode("balo kemi"));
  EXPECT_TRUE(tokenizer().encode_continuation("").empty());
}

TEST_P(TokenizerTest, SerializesWhole) {
  const auto copy = parse_tokenizer(tokenizer().serialized(), "copy");
  EXPECT_EQ(copy->fingerprint(), tokenizer().fingerprint());
  EXPECT_EQ(copy->encode(invented_text(3)), tokenizer().encode(invented_text(3)));
}

INSTANTIATE_TEST_SUITE_P(Types, TokenizerTest,
                         testing::Combine(testing::Values(TokenizerType::unigram, TokenizerType::bpe),
                                          testing::Bool()));

class TokenizerTrainingTest : public testing::Test {
 protected:
  TokenizerTrainingTest() {
    options_.inputs = {folder_.write("text.txt", invented_text(60))};
    options_.output = folder_ / "new/t.model";
    options_.vocabulary_size = 300;
  }
  TempFolder folder_;
  TokenizerOptions options_;
};

TEST_F(TokenizerTrainingTest, RepeatsBitForBit) {
  options_.max_sentences = 500;  // fewer than there are: the draw is part of it
  std::uint64_t calls = 0;
  const TokenizerSummary first = train_tokenizer(options_, [&](const TokenizerProgress&) { ++calls; });
  EXPECT_GT(first.sentences, 500u);
  EXPECT_EQ(first.sentences_used, 500u);
  EXPECT_EQ(first.documents, 60u);
  EXPECT_EQ(calls, 61u);
  EXPECT_EQ(train_tokenizer(options_).fingerprint, first.fingerprint);
  EXPECT_EQ(load_tokenizer(options_.output)->fingerprint(), first.fingerprint);
  options_.seed = 1;
  EXPECT_NE(train_tokenizer(options_).fingerprint, first.fingerprint);
}

TEST_F(TokenizerTrainingTest, LowercaseFoldsCase) {
  options_.lowercase = true;
  train_tokenizer(options_);
  const auto tokenizer = load_tokenizer(options_.output);
  EXPECT_EQ(tokenizer->encode("BALO Kemi"), tokenizer->encode("balo kemi"));
}

TEST_F(TokenizerTrainingTest, LongLinesAreCutNotLost) {
  std::string text(100'000, 'q');
  for (int i = 0; i < 5000; ++i) text += " balo\u00e9";
  options_.inputs.push_back(folder_.write("long.txt", text));
  EXPECT_GT(train_tokenizer(options_).sentences, 30u);
  const auto tokenizer = load_tokenizer(options_.output);
  const auto ids = tokenizer->encode("qqqq balo\u00e9");
  EXPECT_EQ(std::count(ids.begin(), ids.end(), 1), 0);
}

TEST_F(TokenizerTrainingTest, VocabularyTheTextCannotSupport) {
  for (const auto type : {TokenizerType::unigram, TokenizerType::bpe}) {
    options_.type = type;
    options_.vocabulary_size = 200'000;
    std::int64_t limit = 0;
    try {
      train_tokenizer(options_);
      ADD_FAILURE();
    } catch (const UsageError& error) {
      const std::string message = error.what(), mark = "at most ";
      ASSERT_NE(message.find(mark), std::string::npos) << message;
      limit = std::stoll(message.substr(message.find(mark) + mark.size()));
    }
    EXPECT_TRUE(std::filesystem::is_empty(folder_ / "new"));
    options_.vocabulary_size = limit;
    EXPECT_EQ(train_tokenizer(options_).vocabulary_size, limit);
    std::filesystem::remove(options_.output);
  }
  options_.vocabulary_size = 16;
  expect_error<UsageError>([&] { train_tokenizer(options_); }, {"vocabulary_size: expected at least "});
}

TEST_F(TokenizerTrainingTest, BadInputs) {
  options_.inputs = {folder_.write("empty.txt", " \n\n")};
  expect_error<DataError>([&] { train_tokenizer(options_); }, {"empty.txt", "no text"});
  options_.inputs = {(folder_ / "absent.txt").string()};
  expect_error<DataError>([&] { train_tokenizer(options_); }, {"absent.txt"});
  options_.inputs.clear();
  EXPECT_THROW(train_tokenizer(options_), UsageError);
  options_.inputs = {folder_.write("one.txt", "x\n")};
  EXPECT_THROW(train_tokenizer(options_), Error);
  expect_error<DataError>([&] { load_tokenizer(folder_ / "absent.model"); }, {"absent.model"});
  expect_error<DataError>([&] { load_tokenizer(folder_.write("junk.model", "junk junk junk")); },
                          {"junk.model", "train one"});
  expect_error<DataError>([&] { load_tokenizer(folder_.write("empty.model", "")); }, {"empty.model"});
}

TEST_F(TokenizerTrainingTest, CutOffFileIsRefused) {
  train_tokenizer(options_);
  const std::string bytes = read_text_file(options_.output, 1 << 24);
  for (std::size_t size = 0; size < bytes.size(); size += bytes.size() / 37) {
    EXPECT_THROW(parse_tokenizer(bytes.substr(0, size), "cut"), DataError) << size;
  }
}

}  // namespace
}  // namespace mabert::data
