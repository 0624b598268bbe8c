#pragma once

#include <string>

namespace mabert::data {

/// While one lives, one system call fails on one path (system_calls.cpp stands in front of the C library's).
class FailingCall {
 public:
  enum class Name { rename, mkdir };
  FailingCall(Name name, std::string path, int code);
  ~FailingCall();
  FailingCall(const FailingCall&) = delete;
  FailingCall& operator=(const FailingCall&) = delete;

  /// Whether this call is to fail.
  static bool strikes(Name name, const char* path);

 private:
  Name name_;
  std::string path_;
  int code_;
};

}  // namespace mabert::data
