#include "byte_source.h"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <fcntl.h>
#include <lzma.h>
#include <string_view>
#include <sys/stat.h>
#include <unistd.h>

#include "mabert/core/error.h"

namespace mabert::data {
namespace {

constexpr std::size_t kBufferBytes = std::size_t{1} << 18;
constexpr std::uint64_t kDecoderMemory = std::uint64_t{1} << 30;
constexpr std::string_view kXzMagic{
    "\xFD"
    "7zXZ\0",
    6};

}  // namespace

struct ByteSource::Decoder {
  Decoder() {
    if (lzma_stream_decoder(&stream, kDecoderMemory, LZMA_CONCATENATED) != LZMA_OK) throw std::bad_alloc();
  }
  ~Decoder() { lzma_end(&stream); }
  Decoder(const Decoder&) = delete;
  Decoder& operator=(const Decoder&) = delete;

  lzma_stream stream = LZMA_STREAM_INIT;
  bool done = false;
};

ByteSource::ByteSource(const std::filesystem::path& path) : name_(path.string()), buffer_(kBufferBytes) {
  if (name_ == "-") {
    name_ = "standard input";
    descriptor_ = STDIN_FILENO;
  } else {
    descriptor_ = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
    if (descriptor_ < 0) {
      throw DataError(name_ + ": cannot open: " + std::strerror(errno) +
                      "; check the path and its permissions");
    }
    owned_ = true;
  }
  try {
    while (end_ < kXzMagic.size() && fill()) {
    }
    const bool compressed = std::string_view(buffer_.data(), end_).starts_with(kXzMagic);
    if (!compressed && path.extension() == ".xz") {
      throw DataError(name_ +
                      ": byte 0: expected xz data, got something else; compress the file again or rename it");
    }
    if (compressed) decoder_ = std::make_unique<Decoder>();
  } catch (...) {
    if (owned_) ::close(descriptor_);
    throw;
  }
}

ByteSource::~ByteSource() {
  if (owned_) ::close(descriptor_);
}

// Appends to the buffer once; false at the end of the file.
bool ByteSource::fill() {
  if (at_end_) return false;
  if (begin_ == end_) begin_ = end_ = 0;
  ssize_t count = 0;
  do count = ::read(descriptor_, buffer_.data() + end_, buffer_.size() - end_);
  while (count < 0 && errno == EINTR);
  if (count < 0) throw DataError(name_ + ": cannot read: " + std::strerror(errno));
  at_end_ = count == 0;
  end_ += static_cast<std::size_t>(count);
  consumed_ += static_cast<std::uint64_t>(count);
  return !at_end_;
}

std::size_t ByteSource::read(std::span<char> target) {
  if (decoder_) return decompress(target);
  if (begin_ == end_ && !fill()) return 0;
  const std::size_t count = std::min(target.size(), end_ - begin_);
  std::copy_n(buffer_.data() + begin_, count, target.data());
  begin_ += count;
  return count;
}

std::size_t ByteSource::decompress(std::span<char> target) {
  lzma_stream& stream = decoder_->stream;
  stream.next_out = reinterpret_cast<std::uint8_t*>(target.data());
  stream.avail_out = target.size();
  while (stream.avail_out == target.size() && !decoder_->done) {
    if (begin_ == end_) fill();
    stream.next_in = reinterpret_cast<const std::uint8_t*>(buffer_.data() + begin_);
    stream.avail_in = end_ - begin_;
    const lzma_ret status = lzma_code(&stream, at_end_ ? LZMA_FINISH : LZMA_RUN);
    begin_ = end_ - stream.avail_in;
    decoder_->done = status == LZMA_STREAM_END;
    if (status == LZMA_MEMLIMIT_ERROR) {
      throw DataError(name_ +
                      ": its xz dictionary needs more than 1 GiB; compress the file again with xz -6");
    }
    if (status != LZMA_OK && status != LZMA_STREAM_END) {
      throw DataError(name_ + ": byte " + std::to_string(stream.total_in) +
                      ": damaged or cut off xz data; fetch the file again (xz -t checks it)");
    }
  }
  return target.size() - stream.avail_out;
}

}  // namespace mabert::data
