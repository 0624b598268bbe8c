#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "mabert/config/document.h"
#include "mabert/config/fields.h"

namespace mabert::config {

/// Takes values out of nodes and collects what is wrong with them; the untyped half of `read<T>`.
/// Each `read` leaves the value alone and notes a problem when the node does not fit.
class Reader {
 public:
  static constexpr size_t kMaxProblems = 10;
  static constexpr size_t kMaxListLength = 65536;

  /// Names the part of the document being read, for the key path of messages.
  class Scope {
   public:
    Scope(Reader& reader, std::string_view key);
    Scope(Reader& reader, size_t index);
    ~Scope() { reader_.path_.resize(length_); }
    Scope(const Scope&) = delete;
    Scope& operator=(const Scope&) = delete;

   private:
    Reader& reader_;
    size_t length_;
  };

  void read(const Node& node, bool& value);
  void read(const Node& node, double& value, const Range& range);
  void read(const Node& node, std::string& value);
  void read(const Node& node, std::filesystem::path& value);
  std::optional<int64_t> read_signed(const Node& node, int64_t low, int64_t high, const Range& range);
  std::optional<uint64_t> read_unsigned(const Node& node, uint64_t high, const Range& range);
  /// Index of the name that the node holds.
  std::optional<size_t> read_choice(const Node& node, std::span<const std::string_view> names);

  bool expect_map(const Node& node);
  bool expect_list(const Node& node);
  /// Notes every key of the map that is not among `known`. `type` is the variant's type, or empty.
  void expect_keys(const Node& map, std::span<const std::string_view> known, std::string_view type);
  /// Notes a validation's problem at the position of its key, or of the nearest map around it that was given.
  void add(const Node& map, const Problem& problem);

  size_t problem_count() const { return problem_count_; }
  /// Throws UsageError, one line for each of the first ten problems.
  void finish() const;

 private:
  void add(const Position& position, std::string_view expected, std::string_view got);

  std::string path_;
  std::vector<std::string> lines_;
  size_t problem_count_ = 0;
};

}  // namespace mabert::config
