#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace mabert::app {

/// 294616875 -> "294,616,875".
std::string count_text(std::int64_t count);
/// Text from a file for one cell of a Markdown table: no line breaks, control characters or bars.
std::string cell_text(const std::string& text);
std::string join(const std::vector<std::string>& parts, const std::string& separator);

/// A Markdown table whose columns also line up as plain text; the first row is the header, the first column
/// is aligned left.
std::string markdown_table(const std::vector<std::vector<std::string>>& rows);

}  // namespace mabert::app
