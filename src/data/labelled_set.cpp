#include "mabert/data/labelled_set.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "mabert/core/error.h"
#include "mabert/core/files.h"
#include "mabert/core/random.h"

namespace mabert::data {
namespace {

template <class T>
std::span<const T> part(const std::vector<T>& all, const std::vector<std::uint64_t>& begins,
                        std::uint64_t index) {
  return std::span(all).subspan(begins[index], begins[index + 1] - begins[index]);
}

template <class T>
void update(Checksum& checksum, const std::vector<T>& values) {
  checksum.update(std::as_bytes(std::span(values)));
}

// An example while it is put together.
struct Draft {
  std::vector<std::int32_t> ids, word_rows;
  std::int64_t second_begin = 0;
  bool is_truncated = false;
};

class Assembler {
 public:
  Assembler(const Tokenizer& tokenizer, std::int64_t max_length)
      : encoder_(tokenizer.encoder()), most_(static_cast<std::size_t>(max_length)) {}

  Draft sequence(const LabelledText& row) const {
    std::vector<std::int32_t> first = pieces(row.first), second;
    if (row.second) second = pieces(*row.second);
    const std::size_t room = most_ - (row.second ? 3 : 2);
    Draft draft;
    draft.is_truncated = first.size() + second.size() > room;
    std::size_t a = first.size(), b = second.size();
    while (a + b > room) --(a > b ? a : b);
    first.resize(a);
    second.resize(b);
    draft.ids.push_back(special_.cls);
    append(first, draft);
    draft.second_begin = static_cast<std::int64_t>(draft.ids.size());
    if (row.second) append(second, draft);
    return draft;
  }

  Draft words(const LabelledText& row) const {
    Draft draft;
    draft.ids.push_back(special_.cls);
    for (const std::string& word : row.words) {
      if (draft.ids.size() + 1 < most_)
        draft.word_rows.push_back(static_cast<std::int32_t>(draft.ids.size()));
      const auto ids = pieces(word);
      draft.ids.insert(draft.ids.end(), ids.begin(), ids.end());
      draft.is_truncated = draft.ids.size() + 1 > most_;
      if (draft.is_truncated) break;
    }
    draft.ids.resize(std::min(draft.ids.size(), most_ - 1));
    draft.ids.push_back(special_.sep);
    draft.second_begin = static_cast<std::int64_t>(draft.ids.size());
    return draft;
  }

 private:
  std::vector<std::int32_t> pieces(const std::string& text) const {
    std::vector<std::int32_t> ids;
    encoder_->append(text, ids);
    if (ids.empty()) ids.push_back(special_.unknown);
    return ids;
  }

  void append(const std::vector<std::int32_t>& ids, Draft& draft) const {
    draft.ids.insert(draft.ids.end(), ids.begin(), ids.end());
    draft.ids.push_back(special_.sep);
  }

  std::unique_ptr<Encoder> encoder_;
  std::size_t most_;
  SpecialIds special_;
};

}  // namespace

LabelledSet::LabelledSet(TaskKind kind, std::span<const LabelledText> rows, const Tokenizer& tokenizer,
                         std::int64_t max_length)
    : kind_(kind) {
  if (max_length < 5) {
    throw UsageError("[labelled_set] max_length: expected at least 5, got " + std::to_string(max_length));
  }
  const Assembler assembler(tokenizer, max_length);
  for (const LabelledText& row : rows) {
    const Draft draft = kind == TaskKind::tokens ? assembler.words(row) : assembler.sequence(row);
    append({draft.ids, draft.second_begin, row.label, row.score, draft.word_rows, row.word_labels,
            static_cast<std::int64_t>(row.words.size()), draft.is_truncated},
           row.id);
  }
}

void LabelledSet::append(const Example& example, std::string id) {
  const bool is_labelled = kind_ == TaskKind::tokens       ? !example.word_labels.empty()
                           : kind_ == TaskKind::regression ? example.score.has_value()
                                                           : example.label.has_value();
  labelled_ += is_labelled ? 1 : 0;
  truncated_ += example.is_truncated ? 1 : 0;
  const auto add = [](std::vector<std::int32_t>& all, std::vector<std::uint64_t>& begins,
                      std::span<const std::int32_t> values) {
    all.insert(all.end(), values.begin(), values.end());
    begins.push_back(all.size());
  };
  add(tokens_, token_begin_, example.ids);
  add(word_rows_, word_row_begin_, example.word_rows);
  add(word_labels_, word_label_begin_, example.word_labels);
  lengths_.push_back(static_cast<std::int32_t>(example.ids.size()));
  second_begin_.push_back(static_cast<std::int32_t>(example.second_begin));
  words_.push_back(static_cast<std::int32_t>(example.words));
  is_truncated_.push_back(example.is_truncated ? 1 : 0);
  labels_.push_back(example.label);
  scores_.push_back(example.score);
  ids_of_rows_.push_back(std::move(id));
}

Example LabelledSet::operator[](std::uint64_t index) const {
  if (index >= size()) {
    throw UsageError("[labelled_set] index: expected below " + std::to_string(size()) + ", got " +
                     std::to_string(index));
  }
  return {part(tokens_, token_begin_, index),
          second_begin_[index],
          labels_[index],
          scores_[index],
          part(word_rows_, word_row_begin_, index),
          part(word_labels_, word_label_begin_, index),
          words_[index],
          is_truncated_[index] != 0};
}

LabelledSet LabelledSet::subset(std::span<const std::uint64_t> indices) const {
  LabelledSet chosen;
  chosen.kind_ = kind_;
  for (const std::uint64_t index : indices) {
    const Example example = (*this)[index];
    chosen.append(example, id(index));
  }
  return chosen;
}

std::string LabelledSet::fingerprint() const {
  Checksum checksum;
  // Absent labels as values that no label has.
  std::vector<std::int32_t> labels{static_cast<std::int32_t>(kind_)};
  std::vector<float> scores;
  for (const auto& label : labels_) labels.push_back(label.value_or(-1));
  for (const auto& score : scores_) scores.push_back(score.value_or(std::numeric_limits<float>::infinity()));
  update(checksum, token_begin_);
  update(checksum, tokens_);
  update(checksum, second_begin_);
  update(checksum, labels);
  update(checksum, scores);
  update(checksum, word_row_begin_);
  update(checksum, word_rows_);
  update(checksum, word_label_begin_);
  update(checksum, word_labels_);
  update(checksum, words_);
  return to_hex(checksum.value());
}

Split split_examples(std::uint64_t size, double fraction, std::uint64_t seed) {
  if (!(fraction >= 0 && fraction <= 1)) {
    throw UsageError("[split_examples] fraction: expected 0 to 1, got " + std::to_string(fraction));
  }
  std::vector<bool> is_taken(size, false);
  const auto count = static_cast<std::uint64_t>(std::llround(fraction * static_cast<double>(size)));
  if (count > 0) {
    const KeyedPermutation permutation(size, derive_key(seed, RandomPurpose::split));
    for (std::uint64_t i = 0; i < count; ++i) is_taken[permutation(i)] = true;
  }
  Split split;
  for (std::uint64_t i = 0; i < size; ++i) (is_taken[i] ? split.slice : split.rest).push_back(i);
  return split;
}

}  // namespace mabert::data
