#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include <c10/core/ScalarType.h>

namespace mabert::bench {

/// A batch of equally long sequences; E = channels (twice the model's width).
struct Shape {
  std::int64_t sequences = 0, length = 0, channels = 0;
  bool operator==(const Shape&) const = default;
};

/// "32x512x1536"; "32x512" takes `channels`. Errors: UsageError.
Shape parse_shape(std::string_view text, std::int64_t channels);
std::string to_string(const Shape& shape);

/// bf16, fp16, fp32. Errors: UsageError.
at::ScalarType parse_dtype(std::string_view name);
std::string dtype_name(at::ScalarType dtype);

/// "a,b" to {"a", "b"}; each must be one of `known`; "all" means all of them. Errors: UsageError naming the
/// option, the entry and what is known.
std::vector<std::string> parse_names(const char* option, std::string_view text,
                                     const std::vector<std::string>& known);

std::vector<std::string> split(std::string_view text, char separator);

}  // namespace mabert::bench
