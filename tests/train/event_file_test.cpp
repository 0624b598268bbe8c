#include "mabert/train/event_file.h"

#include "support.h"

#include <bit>
#include <cstring>

#include "mabert/core/files.h"

namespace mabert::train {
namespace {

class EventFileTest : public testing::DirectoryTest {};

TEST_F(EventFileTest, Crc32cOfTheCheckString) {
  EXPECT_EQ(crc32c("123456789"), 0xE3069283u);  // the check value of the published catalogues of CRCs
  EXPECT_EQ(crc32c(std::string(32, '\0')), 0x8A9136AAu);  // RFC 3720, B.4
}

TEST_F(EventFileTest, FramesAreWholeAndHoldTheScalar) {
  std::filesystem::path path;
  {
    EventFile file(directory_);
    file.scalar("train/loss", 300, 1.5);
    path = file.path();
  }
  EXPECT_TRUE(path.filename().string().starts_with("events.out.tfevents."));
  const std::string text = read_text_file(path, 1 << 16);
  std::vector<std::string> events;
  for (std::size_t at = 0; at < text.size();) {
    std::uint64_t length = 0;
    std::uint32_t header = 0, body = 0;
    ASSERT_LE(at + 16, text.size());
    std::memcpy(&length, text.data() + at, 8);
    std::memcpy(&header, text.data() + at + 8, 4);
    ASSERT_LE(at + 16 + length, text.size());
    events.push_back(text.substr(at + 12, length));
    std::memcpy(&body, text.data() + at + 12 + length, 4);
    const auto masked = [](std::string_view bytes) { return std::rotr(crc32c(bytes), 15) + 0xA282EAD8u; };
    EXPECT_EQ(header, masked(std::string_view(text).substr(at, 8)));
    EXPECT_EQ(body, masked(events.back()));
    at += 16 + length;
  }
  ASSERT_EQ(events.size(), 2u);
  EXPECT_EQ(events[0].substr(9),
            "\x1a\x0d"
            "brain.Event:2");
  // step 300 (field 2), summary (field 5) { value (1) { tag (1), simple_value (2) = 1.5f } }
  EXPECT_EQ(events[1].substr(9), std::string("\x10\xac\x02\x2a\x13\x0a\x11\x0a\x0a"
                                             "train/loss\x15\x00\x00\xc0\x3f",
                                             24));
}

}  // namespace
}  // namespace mabert::train
