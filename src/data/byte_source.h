#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <span>
#include <string>
#include <vector>

namespace mabert::data {

/// The bytes of a file or of standard input ("-"), decompressed when they begin as an xz stream does.
/// Errors: DataError (missing, unreadable, damaged). Source: own.
class ByteSource {
 public:
  explicit ByteSource(const std::filesystem::path& path);
  ~ByteSource();
  ByteSource(const ByteSource&) = delete;
  ByteSource& operator=(const ByteSource&) = delete;

  /// Fills the front of `target`; the number of bytes, 0 only at the end.
  std::size_t read(std::span<char> target);
  /// Bytes taken from the file so far, before decompression.
  std::uint64_t consumed() const { return consumed_; }
  /// How messages call it.
  const std::string& name() const { return name_; }

 private:
  struct Decoder;
  bool fill();
  std::size_t decompress(std::span<char> target);

  std::string name_;
  int descriptor_ = -1;
  bool owned_ = false, at_end_ = false;
  std::uint64_t consumed_ = 0;
  std::vector<char> buffer_;
  std::size_t begin_ = 0, end_ = 0;
  std::unique_ptr<Decoder> decoder_;
};

}  // namespace mabert::data
