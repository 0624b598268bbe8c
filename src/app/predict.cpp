#include <cstdio>
#include <fstream>
#include <istream>
#include <ostream>

#include <nlohmann/json.hpp>

#include "mabert/app/fill_mask.h"
#include "mabert/app/verbs.h"
#include "mabert/core/error.h"
#include "mabert/data/utf8.h"

namespace mabert::app {
namespace {

constexpr std::size_t kTextsPerBatch = 32;
constexpr std::size_t kMaxLineBytes = std::size_t{1} << 20;

/// A line of input with its place, for messages.
struct Line {
  std::string text, place;
};

nlohmann::ordered_json to_json(const Line& line, const std::vector<std::vector<Candidate>>& masks,
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

void print_text(const Line& line, const std::vector<std::vector<Candidate>>& masks,
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

void predict_batch(LoadedModel& loaded, const PredictArguments& arguments, const std::vector<Line>& lines,
                   std::ostream& out) {
  std::vector<MaskedText> texts;
  for (const Line& line : lines) {
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

/// The next line without its end, at most one byte more than `limit` of it; false at the end of the input.
bool read_line(std::istream& input, std::string& line, std::size_t limit) {
  line.clear();
  int next = input.get();
  if (next == std::istream::traits_type::eof()) return false;
  while (next != std::istream::traits_type::eof() && next != '\n' && line.size() <= limit) {
    line.push_back(static_cast<char>(next));
    next = line.size() <= limit ? input.get() : next;
  }
  return true;
}

}  // namespace

int run_predict(const PredictArguments& arguments, std::istream& in, std::ostream& out) {
  std::ifstream file;
  const std::string name = arguments.input ? arguments.input->string() : "standard input";
  if (arguments.input) {
    file.open(*arguments.input);
    if (!file) throw DataError(name + ": cannot open");
  }
  std::istream& input = arguments.input ? file : in;
  LoadedModel loaded = load_model(arguments.run, arguments.device, {});
  std::vector<Line> batch;
  std::size_t number = 0, answered = 0;
  for (std::string text; read_line(input, text, kMaxLineBytes);) {
    ++number;
    const std::string place = name + ":" + std::to_string(number);
    if (text.size() > kMaxLineBytes) throw DataError(place + ": expected at most 1 MiB in a line");
    if (!text.empty() && text.back() == '\r') text.pop_back();
    if (text.empty()) continue;
    if (data::find_invalid_utf8(text))
      throw DataError(place + ": expected UTF-8; convert the text first (iconv)");
    batch.push_back({std::move(text), place});
    ++answered;
    // Without a file somebody may be typing: answer every line.
    if (batch.size() == (arguments.input ? kTextsPerBatch : 1)) {
      predict_batch(loaded, arguments, batch, out);
      batch.clear();
    }
  }
  if (input.bad()) throw DataError(name + ": cannot read after line " + std::to_string(number));
  if (!batch.empty()) predict_batch(loaded, arguments, batch, out);
  if (answered == 0) throw DataError(name + ": no text; give lines with [MASK] in them");
  return 0;
}

}  // namespace mabert::app
