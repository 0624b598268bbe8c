#include "labelled_verbs.h"
#include "text_lines.h"

#include <cstdio>
#include <istream>
#include <ostream>

#include <nlohmann/json.hpp>

#include "mabert/app/fill_mask.h"
#include "mabert/app/verbs.h"
#include "mabert/core/error.h"

namespace mabert::app {
namespace {

constexpr std::size_t kTextsPerBatch = 32;

nlohmann::ordered_json to_json(const TextLine& line, const std::vector<std::vector<Candidate>>& masks,
                               const data::Tokenizer& tokenizer) {
  nlohmann::ordered_json json{{"text", line.text}, {"masks", nlohmann::ordered_json::array()}};
  for (const auto& candidates : masks) {
    auto list = nlohmann::ordered_json::array();
    for (const Candidate& candidate : candidates) {
      list.push_back({{"piece", tokenizer.piece(candidate.id)},
                      {"id", candidate.id},
                      {"probability", candidate.probability}});
    }
    json["masks"].push_back(std::move(list));
  }
  return json;
}

void print_text(const TextLine& line, const std::vector<std::vector<Candidate>>& masks,
                const data::Tokenizer& tokenizer, std::ostream& out) {
  out << line.text << '\n';
  for (std::size_t mask = 0; mask < masks.size(); ++mask) {
    if (masks.size() > 1) out << "  mask " << mask + 1 << '\n';
    for (const Candidate& candidate : masks[mask]) {
      char probability[32];
      std::snprintf(probability, sizeof probability, "  %6.2f %%  ", 100 * candidate.probability);
      out << probability << tokenizer.piece(candidate.id) << '\n';
    }
  }
}

void predict_batch(LoadedModel& loaded, const PredictArguments& arguments, const std::vector<TextLine>& lines,
                   std::ostream& out) {
  std::vector<MaskedText> texts;
  for (const TextLine& line : lines) {
    texts.push_back(encode_masked(*loaded.tokenizer, line.text));
    const auto length = static_cast<std::int64_t>(texts.back().ids.size());
    const std::int64_t longest = loaded.config.model.positions.max_length;
    if (length > longest) {
      throw UsageError(line.place + ": expected at most " + std::to_string(longest) +
                       " tokens, the model's positions, got " + std::to_string(length) +
                       "; shorten the line");
    }
    if (texts.back().mask_rows.empty())
      throw UsageError(line.place + ": expected at least one [MASK] in the line");
  }
  const auto results = fill_masks(loaded, texts, arguments.top);
  for (std::size_t i = 0; i < lines.size(); ++i) {
    if (arguments.json) {
      out << to_json(lines[i], results[i], *loaded.tokenizer).dump() << '\n';
    } else {
      print_text(lines[i], results[i], *loaded.tokenizer, out);
    }
  }
  out.flush();
}

}  // namespace

int run_predict(const PredictArguments& arguments, std::istream& in, std::ostream& out) {
  if (!checkpoint_config(find_checkpoint(arguments.run), {}).task.name.empty())
    return predict_labelled(arguments, in, out);
  TextLines lines(arguments.input, in);
  LoadedModel loaded = load_model(arguments.run, arguments.device, {});
  std::vector<TextLine> batch;
  std::size_t answered = 0;
  while (auto line = lines.next()) {
    if (line->text.empty()) continue;
    batch.push_back(std::move(*line));
    ++answered;
    // Without a file somebody may be typing: answer every line.
    if (batch.size() == (arguments.input ? kTextsPerBatch : 1)) {
      predict_batch(loaded, arguments, batch, out);
      batch.clear();
    }
  }
  if (!batch.empty()) predict_batch(loaded, arguments, batch, out);
  if (answered == 0) throw DataError(lines.name() + ": no text; give lines with [MASK] in them");
  return 0;
}

}  // namespace mabert::app
