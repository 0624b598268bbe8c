#include "benchmarks/harness/record.h"

#include "benchmarks/harness/table.h"

#include <algorithm>
#include <cmath>

#include "mabert/core/error.h"

namespace mabert::bench {
namespace {

// One field of an object, checked.
class Fields {
 public:
  Fields(const Json& json, std::string where, std::string prefix = "")
      : json_(json), where_(std::move(where)), prefix_(std::move(prefix)) {
    if (!json_.is_object()) refuse("", "an object", json_);
  }

  bool has(const char* name) const { return json_.contains(name) && !json_[name].is_null(); }
  const Json& get(const char* name) const {
    if (!has(name)) throw DataError(where_ + ": record: '" + prefix_ + name + "' is missing");
    return json_[name];
  }
  std::string text(const char* name) const {
    const Json& value = get(name);
    if (!value.is_string() || value.get_ref<const std::string&>().empty()) refuse(name, "a text", value);
    const auto text = value.get<std::string>();
    const bool plain =
        std::none_of(text.begin(), text.end(), [](unsigned char c) { return c < 0x20 || c == 0x7f; });
    if (!plain) refuse(name, "a name without line ends and control characters", value);
    return text;
  }
  double number(const char* name) const {
    const Json& value = get(name);
    const double found = value.is_number() ? value.get<double>() : std::nan("");
    if (!std::isfinite(found) || found < 0) refuse(name, "a number of at least 0", value);
    return found;
  }
  std::int64_t count(const char* name) const {
    const Json& value = get(name);
    const double found = number(name);
    if (found != std::floor(found) || found > 9e15) refuse(name, "a whole number", value);
    return static_cast<std::int64_t>(found);
  }
  double time(const char* name) const {
    const double found = number(name);
    if (found <= 0) refuse(name, "a time above 0", get(name));
    return found;
  }
  double number_or_zero(const char* name) const { return has(name) ? number(name) : 0; }
  std::string text_or_empty(const char* name) const {
    if (!has(name)) return "";
    const Json& value = get(name);
    if (!value.is_string()) refuse(name, "a text", value);
    return value.get<std::string>();
  }
  std::optional<double> optional_number(const char* name) const {
    return has(name) ? std::optional<double>(number(name)) : std::nullopt;
  }
  Fields inside(const char* name) const { return Fields(get(name), where_, prefix_ + name + "."); }

 private:
  [[noreturn]] void refuse(const char* name, const char* expected, const Json& found) const {
    std::string text = dump(found, -1);
    if (text.size() > 40) text = text.substr(0, 40) + "...";
    const std::string field = prefix_ + name;
    throw DataError(where_ + ": record" + (field.empty() ? "" : ": '" + field + "'") + ": expected " +
                    expected + ", got " + text);
  }

  const Json& json_;
  std::string where_, prefix_;
};

}  // namespace

std::string Record::key() const {
  std::string key = subject;
  const auto add = [&](const std::string& part) {
    if (!part.empty()) key += " | " + part;
  };
  add(framework);
  add(measure);
  add(path);
  add(attention);
  add(dtype);
  add(layout);
  add(std::to_string(sequences) + "x" + std::to_string(length) +
      (channels > 0 ? "x" + std::to_string(channels) : ""));
  if (padded_fraction > 0) add(significant(100 * padded_fraction, 3) + "% padded");
  add(std::to_string(valid_tokens) + " tokens");
  return key;
}

Json to_json(const Record& record) {
  Json json;
  const auto text = [&](const char* name, const std::string& value) {
    if (!value.empty()) json[name] = value;
  };
  const auto number = [&](const char* name, const std::optional<double>& value) {
    if (value) json[name] = *value;
  };
  text("subject", record.subject);
  text("framework", record.framework);
  text("measure", record.measure);
  text("path", record.path);
  text("attention", record.attention);
  text("dtype", record.dtype);
  text("layout", record.layout);
  json["sequences"] = record.sequences;
  json["length"] = record.length;
  if (record.channels > 0) json["channels"] = record.channels;
  json["padded_fraction"] = record.padded_fraction;
  json["valid_tokens"] = record.valid_tokens;
  json["ms"] = {{"p10", record.ms.p10},        {"p50", record.ms.p50}, {"p90", record.ms.p90},
                {"p95", record.ms.p95},        {"p99", record.ms.p99}, {"mean", record.ms.mean},
                {"samples", record.ms.samples}};
  json["tokens_per_second"] = record.tokens_per_second();
  number("peak_bytes", record.peak_bytes);
  number("tflop_per_second", record.tflop_per_second);
  number("gigabytes_per_second", record.gigabytes_per_second);
  number("matmul_share", record.matmul_share);
  number("bandwidth_share", record.bandwidth_share);
  text("note", record.note);
  return json;
}

Record parse_record(const Json& json, const std::string& where) {
  const Fields fields(json, where);
  const Fields ms = fields.inside("ms");
  Record record;
  record.subject = fields.text("subject");
  record.framework = fields.text("framework");
  record.measure = fields.text("measure");
  if (fields.has("path")) record.path = fields.text("path");
  if (!fields.text_or_empty("attention").empty()) record.attention = fields.text("attention");
  record.dtype = fields.text("dtype");
  if (!fields.text_or_empty("layout").empty()) record.layout = fields.text("layout");
  record.sequences = fields.count("sequences");
  record.length = fields.count("length");
  if (fields.has("channels")) record.channels = fields.count("channels");
  record.padded_fraction = fields.number_or_zero("padded_fraction");
  record.valid_tokens = fields.count("valid_tokens");
  record.ms = {.p10 = ms.time("p10"),
               .p50 = ms.time("p50"),
               .p90 = ms.time("p90"),
               .p95 = ms.number_or_zero("p95"),
               .p99 = ms.number_or_zero("p99"),
               .mean = ms.number_or_zero("mean"),
               .samples = ms.count("samples")};
  record.peak_bytes = fields.optional_number("peak_bytes");
  record.tflop_per_second = fields.optional_number("tflop_per_second");
  record.gigabytes_per_second = fields.optional_number("gigabytes_per_second");
  record.matmul_share = fields.optional_number("matmul_share");
  record.bandwidth_share = fields.optional_number("bandwidth_share");
  record.note = fields.text_or_empty("note");
  return record;
}

}  // namespace mabert::bench
