#pragma once

#include <cstddef>
#include <string>

namespace mabert::app {

/// Text as content or attribute of an XML document: markup characters become entities, what XML does not
/// allow (control characters, bytes that are not UTF-8) a space or a question mark.
std::string xml_text(const std::string& text);

/// Code points of valid UTF-8: about as many columns.
std::size_t text_length(const std::string& text);

/// The text itself if it has no more code points than `most`, else its beginning and an ellipsis, so many in
/// all.
std::string shortened(const std::string& text, std::size_t most);

/// A coordinate with at most two digits after the point, the same in every locale.
std::string coordinate(double value);

}  // namespace mabert::app
