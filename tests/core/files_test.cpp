#include "mabert/core/files.h"

#include <csignal>
#include <fstream>
#include <sys/resource.h>
#include <unistd.h>

#include <gtest/gtest.h>

#include "mabert/core/error.h"

namespace mabert {
namespace {

namespace fs = std::filesystem;

class FilesTest : public testing::Test {
 protected:
  FilesTest() {
    directory_ = fs::temp_directory_path() / ("mabert-files-" + std::to_string(::getpid()));
    fs::create_directories(directory_);
  }
  ~FilesTest() override { fs::remove_all(directory_); }
  std::size_t entries() const {
    return static_cast<std::size_t>(
        std::distance(fs::directory_iterator(directory_), fs::directory_iterator()));
  }
  fs::path directory_;
};

TEST_F(FilesTest, WritesAppearOnlyOnCommit) {
  const fs::path path = directory_ / "a.txt";
  {
    AtomicFile file(path);
    file.write("half");
    EXPECT_FALSE(fs::exists(path));
  }
  EXPECT_EQ(entries(), 0u);
  const std::string text(3'000'000, 'x');
  write_file_atomically(path, text);
  EXPECT_EQ(read_text_file(path, 4'000'000), text);
  EXPECT_EQ(entries(), 1u);
}

TEST_F(FilesTest, FullDeviceIsADiskFullError) {
  if (!fs::exists("/dev/full")) GTEST_SKIP() << "no /dev/full here";
  // The kernel's always-full device: the same error number as a full disk, without needing one.
  fs::create_symlink("/dev/full", directory_ / ("b.bin.part-" + std::to_string(::getpid())));
  AtomicFile file(directory_ / "b.bin");
  EXPECT_THROW(
      {
        file.write(std::string(2'000'000, 'y'));
        file.commit();
      },
      DiskFullError);
}

TEST_F(FilesTest, ReadingSaysWhatIsWrong) {
  EXPECT_THROW(read_text_file(directory_ / "absent", 10), DataError);
  EXPECT_THROW(read_text_file(directory_, 10), DataError);
  write_file_atomically(directory_ / "long", "01234567890");
  EXPECT_THROW(read_text_file(directory_ / "long", 10), DataError);
  EXPECT_THROW(MappedFile(directory_ / "absent"), DataError);
}

TEST_F(FilesTest, MapsAndChecksums) {
  write_file_atomically(directory_ / "m", "MaBERT");
  const MappedFile file(directory_ / "m");
  EXPECT_EQ(file.bytes().size(), 6u);
  Checksum pieces;
  pieces.update(file.bytes().first(2));
  pieces.update(file.bytes().subspan(2));
  EXPECT_EQ(pieces.value(), checksum(file.bytes()));
  write_file_atomically(directory_ / "n", "MaBERU");
  EXPECT_NE(checksum(MappedFile(directory_ / "n").bytes()), pieces.value());
  EXPECT_EQ(to_hex(0xABCDull), "000000000000abcd");
  write_file_atomically(directory_ / "empty", "");
  EXPECT_TRUE(MappedFile(directory_ / "empty").bytes().empty());
}

}  // namespace
}  // namespace mabert
