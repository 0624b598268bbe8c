#pragma once

#include <cctype>
#include <cstddef>
#include <map>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

namespace mabert::app {

/// An element of an XML document; `text` is what stands directly in it, entities replaced.
struct XmlElement {
  std::string name, text;
  std::map<std::string, std::string> attributes;
  std::size_t depth = 0;

  const std::string& at(const std::string& attribute) const { return attributes.at(attribute); }
  double number(const std::string& attribute) const { return std::stod(at(attribute)); }
  bool is(std::string_view wanted, std::string_view kind = "") const {
    const auto found = attributes.find("class");
    return name == wanted && (kind.empty() || (found != attributes.end() && found->second == kind));
  }
};

/// Reads elements, attributes and text (all that the plots use) and throws where these are not well-formed.
class XmlReader {
 public:
  explicit XmlReader(std::string_view text) : text_(text) {}

  /// All elements in the order of their beginnings.
  std::vector<XmlElement> read() {
    space();
    element(0);
    space();
    require(at_ == text_.size(), "text after the end");
    return std::move(elements_);
  }

 private:
  void require(bool condition, const std::string& problem) const {
    if (!condition) throw std::runtime_error("byte " + std::to_string(at_) + ": " + problem);
  }
  bool next(std::string_view expected) {
    if (!text_.substr(at_).starts_with(expected)) return false;
    at_ += expected.size();
    return true;
  }
  void space() {
    while (at_ < text_.size() && (text_[at_] == ' ' || text_[at_] == '\n')) ++at_;
  }
  std::string name() {
    const std::size_t begin = at_;
    while (at_ < text_.size() && (std::isalnum(static_cast<unsigned char>(text_[at_])) || text_[at_] == '-'))
      ++at_;
    require(at_ > begin, "expected a name");
    return std::string(text_.substr(begin, at_ - begin));
  }
  /// Up to one of `stops`.
  std::string characters(std::string_view stops) {
    static const std::map<std::string, std::string> entities{
        {"amp", "&"}, {"lt", "<"}, {"gt", ">"}, {"quot", "\""}, {"#39", "'"}};
    std::string value;
    while (at_ < text_.size() && stops.find(text_[at_]) == std::string_view::npos) {
      const char c = text_[at_];
      require(c != '<' && (static_cast<unsigned char>(c) >= 0x20 || c == '\n'), "a character to be escaped");
      if (c != '&') {
        value += text_[at_++];
        continue;
      }
      const std::size_t end = text_.find(';', at_);
      require(end != std::string_view::npos, "an entity without end");
      const auto found = entities.find(std::string(text_.substr(at_ + 1, end - at_ - 1)));
      require(found != entities.end(), "an unknown entity");
      value += found->second;
      at_ = end + 1;
    }
    return value;
  }
  void element(std::size_t depth) {
    require(next("<"), "expected an element");
    const std::size_t index = elements_.size();
    const std::string tag = name();
    elements_.push_back({tag, "", {}, depth});
    for (;;) {
      const bool spaced = at_ < text_.size() && text_[at_] == ' ';
      space();
      if (next("/>")) return;
      if (next(">")) break;
      require(spaced, "expected a space before an attribute");
      const std::string key = name();
      require(next("=\""), "expected a value in quotes");
      require(elements_[index].attributes.emplace(key, characters("\"")).second, "an attribute twice");
      require(next("\""), "a value without end");
    }
    for (;;) {
      elements_[index].text += characters("<");
      if (next("</")) break;
      element(depth + 1);
    }
    require(name() == tag && next(">"), "expected the end of " + tag);
  }

  std::string_view text_;
  std::size_t at_ = 0;
  std::vector<XmlElement> elements_;
};

inline std::vector<XmlElement> read_xml(std::string_view text) { return XmlReader(text).read(); }

}  // namespace mabert::app
