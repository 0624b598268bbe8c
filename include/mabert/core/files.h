#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <span>
#include <string>
#include <string_view>

namespace mabert {

/// The whole of a text file of at most `max_bytes`. Errors: DataError (missing, a directory, too large,
/// unreadable).
std::string read_text_file(const std::filesystem::path& path, std::uint64_t max_bytes);

/// A file that appears under its name only when complete: written beside it, flushed to disk, renamed over
/// it. Without commit() nothing is left behind. Errors: DiskFullError when space runs out, DataError
/// otherwise. Source: own.
class AtomicFile {
 public:
  explicit AtomicFile(std::filesystem::path path);
  ~AtomicFile();
  AtomicFile(const AtomicFile&) = delete;
  AtomicFile& operator=(const AtomicFile&) = delete;

  void write(std::span<const std::byte> bytes);
  void write(std::string_view text) { write(std::as_bytes(std::span(text.data(), text.size()))); }
  void commit();
  std::uint64_t bytes_written() const { return bytes_written_; }

 private:
  void flush_buffer();
  std::filesystem::path path_, temporary_;
  int descriptor_ = -1;
  std::string buffer_;
  std::uint64_t bytes_written_ = 0;
};

/// write + commit in one call.
void write_file_atomically(const std::filesystem::path& path, std::string_view text);

/// Flushes a directory's entries to disk, so that a rename inside it survives a power cut.
void sync_directory(const std::filesystem::path& directory);

/// A read-only mapping of a whole file; moved, not copied. Errors: DataError.
class MappedFile {
 public:
  explicit MappedFile(const std::filesystem::path& path);
  ~MappedFile();
  MappedFile(MappedFile&& other) noexcept;
  MappedFile& operator=(MappedFile&&) = delete;

  std::span<const std::byte> bytes() const { return {data_, size_}; }

 private:
  const std::byte* data_ = nullptr;
  std::size_t size_ = 0;
};

/// XXH3-64 of a span, for detecting damage (not for security).
std::uint64_t checksum(std::span<const std::byte> bytes);

/// The same over pieces: update() in order, then value().
class Checksum {
 public:
  Checksum();
  ~Checksum();
  Checksum(const Checksum&) = delete;
  Checksum& operator=(const Checksum&) = delete;
  void update(std::span<const std::byte> bytes);
  std::uint64_t value() const;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

/// 16 lower-case hexadecimal digits.
std::string to_hex(std::uint64_t value);

}  // namespace mabert
