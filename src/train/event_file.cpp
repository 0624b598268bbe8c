#include "mabert/train/event_file.h"

#include <array>
#include <bit>
#include <chrono>
#include <unistd.h>

namespace mabert::train {
namespace {

constexpr std::array<std::uint32_t, 256> crc_table() {
  std::array<std::uint32_t, 256> table{};
  for (std::uint32_t i = 0; i < 256; ++i) {
    std::uint32_t value = i;
    for (int bit = 0; bit < 8; ++bit) value = (value & 1) != 0 ? (value >> 1) ^ 0x82F63B78u : value >> 1;
    table[i] = value;
  }
  return table;
}
constexpr std::array<std::uint32_t, 256> kCrcTable = crc_table();

template <class T>
void append_raw(std::string& out, T value) {
  out.append(reinterpret_cast<const char*>(&value), sizeof value);
}

void append_varint(std::string& out, std::uint64_t value) {
  for (; value >= 128; value >>= 7) out.push_back(static_cast<char>(value | 128));
  out.push_back(static_cast<char>(value));
}

/// Protocol buffer wire types: 0 varint, 1 eight bytes, 2 length-delimited, 5 four bytes.
void append_key(std::string& out, std::uint32_t field, std::uint32_t wire) {
  append_varint(out, field << 3 | wire);
}

void append_text(std::string& out, std::uint32_t field, std::string_view text) {
  append_key(out, field, 2);
  append_varint(out, text.size());
  out.append(text);
}

double wall_time() {
  return std::chrono::duration<double>(std::chrono::system_clock::now().time_since_epoch()).count();
}

std::string event_with_time() {
  std::string event;
  append_key(event, 1, 1);  // Event.wall_time
  append_raw(event, wall_time());
  return event;
}

/// CRCs are stored rotated and offset, because a CRC over data that holds CRCs is weak.
std::uint32_t masked_crc(std::string_view bytes) { return std::rotr(crc32c(bytes), 15) + 0xA282EAD8u; }

}  // namespace

std::uint32_t crc32c(std::string_view bytes) {
  std::uint32_t crc = 0xFFFFFFFFu;
  for (const char byte : bytes) crc = kCrcTable[(crc ^ static_cast<unsigned char>(byte)) & 255u] ^ (crc >> 8);
  return ~crc;
}

EventFile::EventFile(const std::filesystem::path& directory) {
  std::array<char, 256> host{};
  if (::gethostname(host.data(), host.size() - 1) != 0 || host[0] == '\0') host = {'h', 'o', 's', 't'};
  path_ = directory / ("events.out.tfevents." + std::to_string(static_cast<std::int64_t>(wall_time())) + "." +
                       host.data() + "." + std::to_string(::getpid()));
  out_.open(path_, std::ios::binary | std::ios::app);
  std::string event = event_with_time();
  append_text(event, 3, "brain.Event:2");  // Event.file_version
  record(event);
}

void EventFile::record(std::string_view event) {
  std::string frame;
  append_raw(frame, static_cast<std::uint64_t>(event.size()));
  append_raw(frame, masked_crc(frame));
  frame.append(event);
  append_raw(frame, masked_crc(event));
  out_.write(frame.data(), static_cast<std::streamsize>(frame.size()));
  out_.flush();
}

void EventFile::scalar(const std::string& tag, std::int64_t step, double value) {
  std::string item;
  append_text(item, 1, tag);  // Value.tag
  append_key(item, 2, 5);     // Value.simple_value
  append_raw(item, static_cast<float>(value));
  std::string summary;
  append_text(summary, 1, item);  // Summary.value
  std::string event = event_with_time();
  append_key(event, 2, 0);  // Event.step
  append_varint(event, static_cast<std::uint64_t>(step));
  append_text(event, 5, summary);  // Event.summary
  record(event);
}

void EventFile::on_metrics(const Metrics& metrics) {
  const std::string prefix = std::string(split_name(metrics.split)) + "/";
  const auto add = [&](const char* name, const auto& value) {
    if (value) scalar(prefix + name, metrics.step, static_cast<double>(*value));
  };
  scalar(prefix + "loss", metrics.step, metrics.loss);
  add("learning_rate", metrics.lr);
  add("gradient_norm", metrics.grad_norm);
  add("tokens_per_second", metrics.tokens_per_second);
  for (const NamedValue& item : metrics.values) scalar(prefix + item.name, metrics.step, item.value);
  add("memory", metrics.memory);
}

}  // namespace mabert::train
