#include "mabert/core/files.h"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>
#include <utility>

#define XXH_INLINE_ALL
#include <xxhash.h>

#include "mabert/core/error.h"

namespace mabert {
namespace {

constexpr std::size_t kBufferBytes = std::size_t{1} << 20;

std::string reason(int code) { return std::strerror(code); }

[[noreturn]] void throw_write_error(const std::filesystem::path& path, int code) {
  if (code == ENOSPC || code == EDQUOT) {
    throw DiskFullError(path.string() + ": the disk is full; free some space and run the same command again");
  }
  throw DataError(path.string() + ": cannot write: " + reason(code));
}

int open_for_reading(const std::filesystem::path& path, struct stat& info) {
  const int descriptor = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (descriptor < 0) throw DataError(path.string() + ": cannot open: " + reason(errno));
  if (::fstat(descriptor, &info) != 0) {
    const int code = errno;
    ::close(descriptor);
    throw DataError(path.string() + ": cannot read: " + reason(code));
  }
  if (S_ISDIR(info.st_mode)) {
    ::close(descriptor);
    throw DataError(path.string() + ": expected a file, got a directory");
  }
  return descriptor;
}

}  // namespace

std::string read_text_file(const std::filesystem::path& path, std::uint64_t max_bytes) {
  struct stat info {};
  const int descriptor = open_for_reading(path, info);
  std::string text;
  char chunk[1 << 16];
  ssize_t count = 0;
  while ((count = ::read(descriptor, chunk, sizeof chunk)) > 0 || (count < 0 && errno == EINTR)) {
    if (count < 0) continue;
    text.append(chunk, static_cast<std::size_t>(count));
    if (text.size() > max_bytes) {
      ::close(descriptor);
      throw DataError(path.string() + ": expected at most " + std::to_string(max_bytes) + " bytes, got more");
    }
  }
  const int code = errno;
  ::close(descriptor);
  if (count < 0) throw DataError(path.string() + ": cannot read: " + reason(code));
  return text;
}

AtomicFile::AtomicFile(std::filesystem::path path) : path_(std::move(path)) {
  temporary_ = path_;
  temporary_ += ".part-" + std::to_string(::getpid());
  descriptor_ = ::open(temporary_.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
  if (descriptor_ < 0) throw_write_error(path_, errno);
  buffer_.reserve(kBufferBytes);
}

AtomicFile::~AtomicFile() {
  if (descriptor_ < 0) return;
  ::close(descriptor_);
  ::unlink(temporary_.c_str());
}

void AtomicFile::write(std::span<const std::byte> bytes) {
  bytes_written_ += bytes.size();
  while (!bytes.empty()) {
    const std::size_t count = std::min(bytes.size(), kBufferBytes - buffer_.size());
    buffer_.append(reinterpret_cast<const char*>(bytes.data()), count);
    bytes = bytes.subspan(count);
    if (buffer_.size() == kBufferBytes) flush_buffer();
  }
}

void AtomicFile::flush_buffer() {
  std::string_view rest = buffer_;
  while (!rest.empty()) {
    const ssize_t count = ::write(descriptor_, rest.data(), rest.size());
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) throw_write_error(path_, errno);
    rest.remove_prefix(static_cast<std::size_t>(count));
  }
  buffer_.clear();
}

void AtomicFile::commit() {
  flush_buffer();
  if (::fsync(descriptor_) != 0) throw_write_error(path_, errno);
  if (::rename(temporary_.c_str(), path_.c_str()) != 0) throw_write_error(path_, errno);
  ::close(std::exchange(descriptor_, -1));
}

void write_file_atomically(const std::filesystem::path& path, std::string_view text) {
  AtomicFile file(path);
  file.write(text);
  file.commit();
}

void sync_directory(const std::filesystem::path& directory) {
  const int descriptor = ::open(directory.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (descriptor < 0) throw DataError(directory.string() + ": cannot open: " + reason(errno));
  const int status = ::fsync(descriptor);
  const int code = errno;
  ::close(descriptor);
  // Some file systems cannot flush directories; the rename itself is still atomic there.
  if (status != 0 && code != EINVAL && code != ENOTSUP) throw_write_error(directory, code);
}

MappedFile::MappedFile(const std::filesystem::path& path) {
  struct stat info {};
  const int descriptor = open_for_reading(path, info);
  size_ = static_cast<std::size_t>(info.st_size);
  if (size_ > 0) {
    void* address = ::mmap(nullptr, size_, PROT_READ, MAP_PRIVATE, descriptor, 0);
    const int code = errno;
    if (address == MAP_FAILED) {
      ::close(descriptor);
      throw DataError(path.string() + ": cannot map: " + reason(code));
    }
    data_ = static_cast<const std::byte*>(address);
  }
  ::close(descriptor);
}

MappedFile::~MappedFile() {
  if (data_ != nullptr) ::munmap(const_cast<std::byte*>(data_), size_);
}

MappedFile::MappedFile(MappedFile&& other) noexcept
    : data_(std::exchange(other.data_, nullptr)), size_(std::exchange(other.size_, 0)) {}

std::uint64_t checksum(std::span<const std::byte> bytes) { return XXH3_64bits(bytes.data(), bytes.size()); }

struct Checksum::State {
  XXH3_state_t value;
};

Checksum::Checksum() : state_(std::make_unique<State>()) { XXH3_64bits_reset(&state_->value); }
Checksum::~Checksum() = default;
void Checksum::update(std::span<const std::byte> bytes) {
  XXH3_64bits_update(&state_->value, bytes.data(), bytes.size());
}
std::uint64_t Checksum::value() const { return XXH3_64bits_digest(&state_->value); }

std::string to_hex(std::uint64_t value) {
  std::string text(16, '0');
  for (int i = 15; i >= 0; --i, value >>= 4)
    text[static_cast<std::size_t>(i)] = "0123456789abcdef"[value & 15];
  return text;
}

}  // namespace mabert
