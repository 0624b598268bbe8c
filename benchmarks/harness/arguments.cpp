#include "benchmarks/harness/arguments.h"

#include <algorithm>
#include <charconv>

#include "mabert/core/error.h"

namespace mabert::bench {
namespace {

constexpr std::int64_t kMost = std::int64_t{1} << 31;

std::int64_t parse_size(std::string_view text, std::string_view whole) {
  std::int64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size() || value < 1 || value > kMost) {
    throw UsageError("--shapes: expected SEQUENCESxLENGTHxCHANNELS such as 32x512x1536, got '" +
                     std::string(whole) + "'");
  }
  return value;
}

}  // namespace

std::vector<std::string> split(std::string_view text, char separator) {
  std::vector<std::string> parts;
  while (true) {
    const std::size_t at = text.find(separator);
    parts.emplace_back(text.substr(0, at));
    if (at == std::string_view::npos) return parts;
    text.remove_prefix(at + 1);
  }
}

Shape parse_shape(std::string_view text, std::int64_t channels) {
  const std::vector<std::string> parts = split(text, 'x');
  if (parts.size() < 2 || parts.size() > 3) parse_size("", text);
  return {.sequences = parse_size(parts[0], text),
          .length = parse_size(parts[1], text),
          .channels = parts.size() == 3 ? parse_size(parts[2], text) : channels};
}

std::string to_string(const Shape& shape) {
  return std::to_string(shape.sequences) + "x" + std::to_string(shape.length) + "x" +
         std::to_string(shape.channels);
}

at::ScalarType parse_dtype(std::string_view name) {
  if (name == "bf16") return at::kBFloat16;
  if (name == "fp16") return at::kHalf;
  if (name == "fp32") return at::kFloat;
  throw UsageError("--dtype: expected bf16, fp16 or fp32, got '" + std::string(name) + "'");
}

std::string dtype_name(at::ScalarType dtype) {
  switch (dtype) {
    case at::kBFloat16:
      return "bf16";
    case at::kHalf:
      return "fp16";
    case at::kFloat:
      return "fp32";
    default:
      return c10::toString(dtype);
  }
}

std::vector<std::string> parse_names(const char* option, std::string_view text,
                                     const std::vector<std::string>& known) {
  if (text == "all") return known;
  std::vector<std::string> names;
  for (std::string& name : split(text, ',')) {
    if (std::find(known.begin(), known.end(), name) == known.end()) {
      std::string list;
      for (const std::string& item : known) list += ", " + item;
      throw UsageError(std::string(option) + ": expected all" + list + ", got '" + name + "'");
    }
    if (std::find(names.begin(), names.end(), name) == names.end()) names.push_back(std::move(name));
  }
  return names;
}

}  // namespace mabert::bench
