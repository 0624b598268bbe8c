#include "mabert/config/describe.h"

#include "text.h"

#include <algorithm>

namespace mabert::config {

void Listing::put(std::string_view line) {
  if (comment_depth_) {
    text_.append(*comment_depth_, ' ').append("# ").append(depth_ - *comment_depth_, ' ');
  } else {
    text_.append(depth_, ' ');
  }
  text_.append(line).append("\n");
}

void Listing::line(std::string_view key, std::string_view value, std::string_view type,
                   std::string_view doc) {
  std::string text = key == "-" ? "-" : std::string(key) + ":";
  if (!value.empty()) text.append(" ").append(value);
  std::string comment(type);
  if (!type.empty() && !doc.empty()) comment += ". ";
  comment += doc;
  std::replace(comment.begin(), comment.end(), '\n', ' ');
  if (!comment.empty()) text.append("  # ").append(comment);
  put(text);
}

void Listing::note(std::string_view text) {
  // A comment at any depth is valid YAML, so it needs no second mark inside one.
  put(comment_depth_ ? std::string(text) : "# " + std::string(text));
}

void Listing::outdent() { depth_ -= 2; }

void Listing::begin_comment() {
  if (comments_++ == 0) comment_depth_ = depth_;
}

void Listing::end_comment() {
  if (--comments_ == 0) comment_depth_.reset();
}

bool Listing::enter(std::type_index type) {
  if (std::find(open_.begin(), open_.end(), type) != open_.end()) return false;
  open_.push_back(type);
  return true;
}

std::string choices_text(const std::vector<std::string_view>& names) { return join(names); }

}  // namespace mabert::config
