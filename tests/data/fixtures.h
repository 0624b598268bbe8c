#pragma once

#include <cstdint>
#include <filesystem>
#include <fstream>
#include <lzma.h>
#include <memory>
#include <string>
#include <string_view>
#include <unistd.h>
#include <vector>

#include <gtest/gtest.h>

#include "mabert/core/error.h"
#include "mabert/core/files.h"
#include "mabert/core/random.h"
#include "mabert/data/shard_set.h"
#include "mabert/data/tokenizer.h"
#include "mabert/data/tokenizer_training.h"

namespace mabert::data {

/// A folder of its own for each test, removed afterwards.
class TempFolder {
 public:
  TempFolder() {
    static int number = 0;
    path_ = std::filesystem::temp_directory_path() /
            ("mabert-data-" + std::to_string(::getpid()) + "-" + std::to_string(number++));
    std::filesystem::create_directories(path_);
  }
  ~TempFolder() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
  }
  std::filesystem::path operator/(std::string_view name) const { return path_ / name; }
  std::string write(std::string_view name, std::string_view bytes) const {
    const auto path = path_ / name;
    std::filesystem::create_directories(path.parent_path());
    std::ofstream(path, std::ios::binary) << bytes;
    return path.string();
  }
  const std::filesystem::path& path() const { return path_; }

 private:
  std::filesystem::path path_;
};

/// As a small .xz file.
inline std::string compress(const std::string& text) {
  std::string packed(lzma_stream_buffer_bound(text.size()), '\0');
  std::size_t size = 0;
  EXPECT_EQ(lzma_easy_buffer_encode(1, LZMA_CHECK_CRC64, nullptr,
                                    reinterpret_cast<const std::uint8_t*>(text.data()), text.size(),
                                    reinterpret_cast<std::uint8_t*>(packed.data()), &size, packed.size()),
            LZMA_OK);
  packed.resize(size);
  return packed;
}

inline std::uint64_t random_below(std::uint64_t bound, std::uint64_t key, std::uint64_t index) {
  return Philox::draw(key, 0, index).word64(0) % bound;
}

/// Invented words of two or three syllables in documents of 1 to 60 sentences, blank lines between them.
inline std::string invented_text(std::size_t documents, std::uint64_t key = 1) {
  static constexpr std::string_view kSyllables[] = {"ba",  "ke",  "lo",  "mi",  "nur", "sta", "tre",
                                                    "vis", "xo",  "zen", "ar",  "el",  "in",  "os",
                                                    "un",  "qua", "phi", "dor", "gam", "hel"};
  std::string text;
  std::uint64_t draw = 0;
  const auto next = [&](std::uint64_t bound) { return random_below(bound, key, draw++); };
  for (std::size_t d = 0; d < documents; ++d) {
    for (std::uint64_t sentences = 1 + next(60); sentences > 0; --sentences) {
      for (std::uint64_t words = 3 + next(12); words > 0; --words) {
        for (std::uint64_t syllables = 2 + next(2); syllables > 0; --syllables) text += kSyllables[next(20)];
        text += words > 1 ? " " : ".\n";
      }
    }
    text += "\n";
  }
  return text;
}

/// Tokenizers trained once in the program, 400 pieces, on the invented text and `extra`.
inline std::shared_ptr<const Tokenizer> train_small(TokenizerType type, bool byte_fallback,
                                                    std::string_view extra = "") {
  const TempFolder folder;
  TokenizerOptions options;
  options.inputs = {folder.write("text.txt", invented_text(60) + std::string(extra))};
  options.output = folder / "t.model";
  options.vocabulary_size = 400;
  options.character_coverage = 1.0;
  options.threads = 2;
  options.type = type;
  options.byte_fallback = byte_fallback;
  train_tokenizer(options);
  return load_tokenizer(options.output);
}

inline const Tokenizer& small_tokenizer() {
  static const auto tokenizer = train_small(TokenizerType::unigram, false);
  return *tokenizer;
}

/// Documents of the given lengths with random ordinary ids.
inline std::shared_ptr<const ShardSet> shards_of(const std::filesystem::path& directory,
                                                 std::span<const int> lengths,
                                                 std::uint64_t shard_tokens = 4000) {
  ShardSetWriter writer(directory, small_tokenizer(), shard_tokens);
  std::uint64_t draw = 0;
  for (const int length : lengths) {
    std::vector<std::int32_t> ids(static_cast<std::size_t>(length));
    for (auto& id : ids) id = static_cast<std::int32_t>(5 + random_below(395, 7, draw++));
    writer.append(ids);
  }
  writer.finish();
  return std::make_shared<const ShardSet>(directory);
}

/// Lengths as in real text: most short, some far longer than a sample.
inline std::vector<int> mixed_lengths(std::size_t count, int most = 300) {
  std::vector<int> lengths;
  for (std::size_t i = 0; i < count; ++i) {
    const auto bound = static_cast<std::uint64_t>(i % 5 == 0 ? most : most / 4);
    lengths.push_back(2 + static_cast<int>(random_below(bound, 11, i)));
  }
  return lengths;
}

/// Expects that `action` throws E with exactly this message.
template <class E, class Action>
void expect_message(Action action, const std::string& message) {
  try {
    action();
    ADD_FAILURE() << "nothing was thrown; expected " << message;
  } catch (const E& error) {
    EXPECT_EQ(error.what(), message);
  }
}

/// Expects that `action` throws E with every one of `parts` in its single line.
template <class E, class Action>
void expect_error(Action action, const std::vector<std::string>& parts) {
  try {
    action();
    ADD_FAILURE() << "nothing was thrown";
  } catch (const E& error) {
    const std::string message = error.what();
    EXPECT_EQ(message.find('\n'), std::string::npos) << message;
    for (const std::string& part : parts)
      EXPECT_NE(message.find(part), std::string::npos) << message << "\nlacks " << part;
  }
}

}  // namespace mabert::data
