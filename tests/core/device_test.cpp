#include "mabert/core/device.h"

#include <gtest/gtest.h>

#include "mabert/core/error.h"

namespace mabert {
namespace {

TEST(DeviceTest, NamesTheCpu) { EXPECT_TRUE(parse_device("cpu").is_cpu()); }

TEST(DeviceTest, RejectsOtherNamesAsUsage) {
  for (const char* name : {"", "gpu", "cuda:", "cuda:x", "cuda:-1", "cuda:1234", "CPU"}) {
    EXPECT_THROW(parse_device(name), UsageError) << name;
  }
}

TEST(DeviceTest, AbsentGpuIsADeviceError) {
  try {
    parse_device("cuda:99");
    FAIL();
  } catch (const DeviceError& error) {
    EXPECT_EQ(error.code(), ExitCode::device);
  }
}

}  // namespace
}  // namespace mabert
