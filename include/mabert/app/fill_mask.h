#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "mabert/app/loaded_model.h"

namespace mabert::app {

/// A text as ids, [CLS] and [SEP] included, and where its masks stand.
struct MaskedText {
  std::vector<std::int32_t> ids;
  std::vector<std::int32_t> mask_rows;
};

/// Splits `text` at "[MASK]" and encodes what lies between; no word boundary is invented: text that follows a
/// mask without a space is the inside of a word. The text is UTF-8.
MaskedText encode_masked(const data::Tokenizer& tokenizer, std::string_view text);

struct Candidate {
  std::int32_t id = 0;
  double probability = 0;
};

/// For each mask of each text the `top` likeliest tokens, special tokens left out of the list (not of the
/// distribution). All texts are computed as one ragged batch. Errors: UsageError for a text longer than the
/// model's positions.
std::vector<std::vector<std::vector<Candidate>>> fill_masks(LoadedModel& loaded,
                                                            const std::vector<MaskedText>& texts,
                                                            std::int64_t top);

}  // namespace mabert::app
