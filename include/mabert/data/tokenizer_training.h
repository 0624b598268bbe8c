#pragma once

#include <array>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <string>
#include <vector>

#include "mabert/config/fields.h"
#include "mabert/data/text_source.h"

namespace mabert::data {

enum class TokenizerType { unigram, bpe };

struct TokenizerOptions {
  std::vector<std::string> inputs;
  TextFormat format = TextFormat::automatic;
  std::filesystem::path output = "tokenizer.model";
  TokenizerType type = TokenizerType::unigram;
  std::int64_t vocabulary_size = 8192;
  double character_coverage = 0.9995;
  std::int64_t max_sentences = 1'000'000;
  bool lowercase = false;
  bool byte_fallback = false;
  std::int64_t threads = 16;
  std::int64_t seed = 0;

  template <class Self, class Visitor>
  static void visit_fields(Self& self, Visitor& visit) {
    visit("inputs", self.inputs, "Text files, folders, patterns, or - for standard input.");
    visit("format", self.format, "How documents stand in the inputs.");
    visit("output", self.output, "Where the tokenizer is written.");
    visit("type", self.type, "Kind of subword model.");
    visit("vocabulary_size", self.vocabulary_size, config::between(16, 1 << 24),
          "Pieces, special ones included.");
    visit("character_coverage", self.character_coverage, config::between(0.5, 1.0),
          "Share of the text's characters that get a piece of their own; the rest become [UNK].");
    visit("max_sentences", self.max_sentences, config::at_least(1),
          "Lines drawn at random from the text to learn from.");
    visit("lowercase", self.lowercase, "Fold upper and lower case.");
    visit("byte_fallback", self.byte_fallback, "Write characters without a piece as bytes instead of [UNK].");
    visit(
        "threads", self.threads, config::between(1, 1024),
        "Parts that the text is learned in; the last digits of the scores depend on it, not on the machine.");
    visit("seed", self.seed, "Which lines are drawn.");
  }
};

/// Reading tells bytes (total 0 when unknown); learning, which follows and takes longest, tells nothing.
struct TokenizerProgress {
  enum class Phase { reading, learning } phase = Phase::reading;
  std::uint64_t bytes_done = 0, bytes_total = 0;
  std::uint64_t documents = 0, sentences = 0;
};

struct TokenizerSummary {
  std::int64_t vocabulary_size = 0;
  std::uint64_t documents = 0, sentences = 0, sentences_used = 0;
  std::string fingerprint;
};

/// Learns a subword model from text and writes it to `output`: ids 0–4 are [PAD] [UNK] [CLS] [SEP] [MASK],
/// text is normalised by NFKC (and case folding). The same options and text give the same file. Errors:
/// DataError (input missing, damaged, empty), UsageError (a vocabulary larger than the text supports, or too
/// small for its characters), DiskFullError. Source: Kudo & Richardson 2018, "SentencePiece".
TokenizerSummary train_tokenizer(const TokenizerOptions& options,
                                 const std::function<void(const TokenizerProgress&)>& progress = {});

}  // namespace mabert::data

namespace mabert::config {

template <>
struct EnumNames<data::TokenizerType> {
  static constexpr std::array names{EnumName{"unigram", data::TokenizerType::unigram},
                                    EnumName{"bpe", data::TokenizerType::bpe}};
};

}  // namespace mabert::config
