#include "mabert/data/tokenizer_training.h"

#include <algorithm>
#include <sentencepiece_trainer.h>
#include <string_view>
#include <system_error>
#include <unordered_map>
#include <utility>

#include "mabert/core/error.h"
#include "mabert/core/files.h"
#include "mabert/core/random.h"
#include "mabert/data/tokenizer.h"
#include "mabert/data/utf8.h"

namespace mabert::data {
namespace {

// The trainer leaves out sentences longer than it is told; longer lines are cut instead.
constexpr std::size_t kSentenceBytes = 4096;
constexpr std::uint64_t kSamplePurpose = 0x746f6b656e697a65;

// A uniform sample of fixed size from a stream, in the order of the stream (Vitter 1985, algorithm R).
class Reservoir {
 public:
  Reservoir(std::uint64_t size, std::uint64_t key) : size_(size), key_(key) {}

  void add(std::string_view sentence) {
    const std::uint64_t index = seen_++;
    if (index < size_) {
      kept_.emplace_back(index, sentence);
      return;
    }
    const std::uint64_t slot = Philox::draw(key_, 0, index).word64(0) % (index + 1);
    if (slot < size_) kept_[slot] = {index, std::string(sentence)};
  }

  std::uint64_t seen() const { return seen_; }

  std::vector<std::string> take() {
    std::sort(kept_.begin(), kept_.end(), [](const auto& a, const auto& b) { return a.first < b.first; });
    std::vector<std::string> sentences;
    sentences.reserve(kept_.size());
    for (auto& [index, sentence] : kept_) sentences.push_back(std::move(sentence));
    return sentences;
  }

 private:
  std::uint64_t size_, key_, seen_ = 0;
  std::vector<std::pair<std::uint64_t, std::string>> kept_;
};

void add_line(std::string_view line, Reservoir& reservoir) {
  while (line.size() > kSentenceBytes) {
    const std::size_t space = line.rfind(' ', kSentenceBytes);
    const bool cut_at_space = space != std::string_view::npos && space > 0;
    const std::size_t end = cut_at_space ? space : character_boundary(line, kSentenceBytes);
    reservoir.add(line.substr(0, end));
    line.remove_prefix(cut_at_space ? end + 1 : end);
  }
  if (line.find_first_not_of(" \t\r\v\f") != std::string_view::npos) reservoir.add(line);
}

std::unordered_map<std::string, std::string> trainer_arguments(const TokenizerOptions& options) {
  return {{"model_type", std::string(config::enum_name(options.type))},
          {"vocab_size", std::to_string(options.vocabulary_size)},
          {"character_coverage", std::to_string(options.character_coverage)},
          {"normalization_rule_name", options.lowercase ? "nmt_nfkc_cf" : "nmt_nfkc"},
          {"byte_fallback", options.byte_fallback ? "true" : "false"},
          {"num_threads", std::to_string(options.threads)},
          {"max_sentence_length", std::to_string(2 * kSentenceBytes)},
          {"hard_vocab_limit", "true"},
          {"pad_id", "0"},
          {"pad_piece", "[PAD]"},
          {"unk_id", "1"},
          {"unk_piece", "[UNK]"},
          {"bos_id", "2"},
          {"bos_piece", "[CLS]"},
          {"eos_id", "3"},
          {"eos_piece", "[SEP]"},
          {"control_symbols", "[MASK]"},
          {"minloglevel", "3"}};
}

// Restates the trainer's complaint; it names the limit as "<= 1234" or "1234 vs 5678".
[[noreturn]] void throw_training_error(const std::string& message, const TokenizerOptions& options) {
  const std::string wanted = std::to_string(options.vocabulary_size);
  const auto digits_after = [&](std::string_view mark) -> std::string {
    const std::size_t at = message.find(mark);
    if (at == std::string::npos) return "";
    const std::size_t begin = message.find_first_of("0123456789", at + mark.size());
    if (begin == std::string::npos) return "";
    return message.substr(begin, message.find_first_not_of("0123456789", begin) - begin);
  };
  if (const std::string limit = digits_after("<=");
      message.find("too high") != std::string::npos && !limit.empty()) {
    throw UsageError("tokenizer.vocabulary_size: expected at most " + limit +
                     ", the largest that this text supports, got " + wanted + "; lower it or give more text");
  }
  if (const std::string least = digits_after(" vs "); !least.empty()) {
    throw UsageError("tokenizer.vocabulary_size: expected at least " + least +
                     ", the characters of this text, got " + wanted +
                     "; raise it or lower character_coverage");
  }
  throw DataError("training the tokenizer failed: " + message.substr(0, message.find('\n')));
}

}  // namespace

TokenizerSummary train_tokenizer(const TokenizerOptions& options,
                                 const std::function<void(const TokenizerProgress&)>& progress) {
  DocumentReader reader(find_text_inputs(options.inputs, options.format));
  Reservoir reservoir(static_cast<std::uint64_t>(options.max_sentences),
                      derive_key(static_cast<std::uint64_t>(options.seed), kSamplePurpose));
  TokenizerSummary summary;
  TokenizerProgress state;
  const auto report = [&] {
    state.bytes_done = reader.bytes_read();
    state.bytes_total = reader.bytes_total();
    state.documents = summary.documents;
    state.sentences = reservoir.seen();
    if (progress) progress(state);
  };
  while (const auto document = reader.next()) {
    std::string_view rest = *document;
    while (!rest.empty()) {
      const std::size_t end = std::min(rest.find('\n'), rest.size());
      add_line(rest.substr(0, end), reservoir);
      rest.remove_prefix(std::min(end + 1, rest.size()));
    }
    ++summary.documents;
    report();
  }
  summary.sentences = reservoir.seen();
  if (summary.sentences == 0) {
    throw DataError(options.inputs.front() + ": no text in the inputs; give files with text in them");
  }
  state.phase = TokenizerProgress::Phase::learning;
  report();

  const std::vector<std::string> sentences = reservoir.take();
  std::error_code ignored;
  summary.sentences_used = sentences.size();
  // Opened before the long part, so that an unwritable place is told at once.
  if (options.output.has_parent_path())
    std::filesystem::create_directories(options.output.parent_path(), ignored);
  AtomicFile file(options.output);
  std::string bytes;
  const auto status =
      sentencepiece::SentencePieceTrainer::Train(trainer_arguments(options), sentences, &bytes);
  if (!status.ok()) throw_training_error(status.ToString(), options);
  const auto tokenizer = parse_tokenizer(bytes, options.output.string());
  file.write(tokenizer->serialized());
  file.commit();
  summary.vocabulary_size = tokenizer->vocabulary_size();
  summary.fingerprint = tokenizer->fingerprint();
  return summary;
}

}  // namespace mabert::data
