#include "support.h"

#include <cerrno>
#include <cstdio>
#include <dlfcn.h>
#include <sys/types.h>
#include <unistd.h>

namespace mabert::train::testing {

std::atomic<SystemCalls::Fault> SystemCalls::fault{SystemCalls::Fault::none};
std::atomic<int> SystemCalls::calls_before{0};

namespace {

/// Whether this call is to fail.
bool strikes() {
  if (SystemCalls::fault == SystemCalls::Fault::none || SystemCalls::calls_before-- > 0) return false;
  if (SystemCalls::fault == SystemCalls::Fault::crash) ::_exit(99);
  SystemCalls::calls_before = 0;
  errno = SystemCalls::fault == SystemCalls::Fault::quota ? EDQUOT : ENOSPC;
  return true;
}

}  // namespace
}  // namespace mabert::train::testing

using mabert::train::testing::strikes;

extern "C" ssize_t write(int descriptor, const void* data, size_t size) {
  static const auto real =
      reinterpret_cast<ssize_t (*)(int, const void*, size_t)>(::dlsym(RTLD_NEXT, "write"));
  return strikes() ? -1 : real(descriptor, data, size);
}

extern "C" int fsync(int descriptor) {
  static const auto real = reinterpret_cast<int (*)(int)>(::dlsym(RTLD_NEXT, "fsync"));
  return strikes() ? -1 : real(descriptor);
}

extern "C" int rename(const char* from, const char* to) noexcept {
  static const auto real = reinterpret_cast<int (*)(const char*, const char*)>(::dlsym(RTLD_NEXT, "rename"));
  return strikes() ? -1 : real(from, to);
}
