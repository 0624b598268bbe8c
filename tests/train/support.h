#pragma once

#include <atomic>
#include <cstdint>
#include <filesystem>
#include <string>
#include <unistd.h>

#include <ATen/core/Tensor.h>
#include <ATen/ops/full.h>
#include <gtest/gtest.h>

namespace mabert::train::testing {

/// A directory of its own for each test, removed afterwards.
class DirectoryTest : public ::testing::Test {
 protected:
  DirectoryTest() {
    const auto* info = ::testing::UnitTest::GetInstance()->current_test_info();
    directory_ =
        std::filesystem::temp_directory_path() / ("mabert-train-" + std::string(info->test_suite_name()) +
                                                  "-" + info->name() + "-" + std::to_string(::getpid()));
    std::filesystem::remove_all(directory_);
    std::filesystem::create_directories(directory_);
  }
  ~DirectoryTest() override { std::filesystem::remove_all(directory_); }
  std::filesystem::path directory_;
};

/// The number of a forward pass as a task takes it, on the CPU.
inline at::Tensor pass(std::int64_t number) { return at::full({}, number, at::kLong); }

/// What the next write, fsync or rename of this process does (system_calls.cpp stands in front of the C
/// library's).
struct SystemCalls {
  enum class Fault { none, disk_full, quota, crash };
  static std::atomic<Fault> fault;
  static std::atomic<int> calls_before;  ///< that still succeed; the fault then holds from there on

  static void arm(Fault what, int after) {
    calls_before = after;
    fault = what;
  }
  static void disarm() { fault = Fault::none; }
};

}  // namespace mabert::train::testing
