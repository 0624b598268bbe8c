#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "mabert/data/labelled_text.h"
#include "mabert/data/task_spec.h"
#include "mabert/data/tokenizer.h"

namespace mabert::data {

/// One encoded example: [CLS] first [SEP], and second [SEP] for a pair.
struct Example {
  std::span<const std::int32_t> ids;
  std::int64_t second_begin = 0;  ///< first row of segment 1; the length where there is none
  std::optional<std::int32_t> label;
  std::optional<float> score;
  std::span<const std::int32_t> word_rows;  ///< token tasks: row of each word's first piece; shorter than the
                                            ///< words where truncation cut some off
  std::span<const std::int32_t> word_labels;  ///< token tasks: of every word; empty: unlabelled
  std::int64_t words = 0;
  bool is_truncated = false;
};

/// The examples of a set, encoded once and kept in memory. A pair too long loses pieces from the end of the
/// longer side, one by one (the second where both are equal); a single text from its end. A text or word that
/// the tokenizer has no piece for is [UNK]. Copies share nothing. Source: own; pair layout of Devlin et al.
/// 2019, section 3.
class LabelledSet {
 public:
  /// max_length: of an encoded example. Errors: UsageError for one below 5.
  LabelledSet(TaskKind kind, std::span<const LabelledText> rows, const Tokenizer& tokenizer,
              std::int64_t max_length);

  std::uint64_t size() const { return lengths_.size(); }
  Example operator[](std::uint64_t index) const;
  std::span<const std::int32_t> lengths() const { return lengths_; }
  const std::string& id(std::uint64_t index) const { return ids_of_rows_.at(index); }
  TaskKind kind() const { return kind_; }
  std::uint64_t truncated() const { return truncated_; }
  /// Has every example a label?
  bool is_labelled() const { return labelled_ == size(); }

  /// The examples at `indices`, in that order. Errors: UsageError for one that is not below size().
  LabelledSet subset(std::span<const std::uint64_t> indices) const;
  /// Checksum of ids and labels, 16 hexadecimal digits.
  std::string fingerprint() const;

 private:
  LabelledSet() = default;
  void append(const Example& example, std::string id);

  TaskKind kind_ = TaskKind::classification;
  std::uint64_t truncated_ = 0, labelled_ = 0;
  std::vector<std::int32_t> lengths_, tokens_, second_begin_, word_rows_, word_labels_, words_;
  std::vector<std::uint64_t> token_begin_{0}, word_row_begin_{0}, word_label_begin_{0};
  std::vector<std::uint8_t> is_truncated_;
  std::vector<std::optional<std::int32_t>> labels_;
  std::vector<std::optional<float>> scores_;
  std::vector<std::string> ids_of_rows_;
};

/// Splits 0…size-1 into a slice of round(fraction · size) examples, drawn by `seed`, and the rest; both in
/// order. Errors: UsageError for a fraction outside 0…1.
struct Split {
  std::vector<std::uint64_t> rest, slice;
};
Split split_examples(std::uint64_t size, double fraction, std::uint64_t seed);

}  // namespace mabert::data
