#include "system_calls.h"

#include <cerrno>
#include <cstdio>
#include <dlfcn.h>
#include <sys/stat.h>
#include <utility>

namespace mabert::data {
namespace {

const FailingCall* armed = nullptr;

}  // namespace

FailingCall::FailingCall(Name name, std::string path, int code)
    : name_(name), path_(std::move(path)), code_(code) {
  armed = this;
}

FailingCall::~FailingCall() { armed = nullptr; }

bool FailingCall::strikes(Name name, const char* path) {
  if (armed == nullptr || armed->name_ != name || armed->path_ != path) return false;
  errno = armed->code_;
  return true;
}

}  // namespace mabert::data

using mabert::data::FailingCall;

extern "C" int rename(const char* from, const char* to) noexcept {
  static const auto real = reinterpret_cast<int (*)(const char*, const char*)>(::dlsym(RTLD_NEXT, "rename"));
  return FailingCall::strikes(FailingCall::Name::rename, from) ? -1 : real(from, to);
}

extern "C" int mkdir(const char* path, mode_t mode) noexcept {
  static const auto real = reinterpret_cast<int (*)(const char*, mode_t)>(::dlsym(RTLD_NEXT, "mkdir"));
  return FailingCall::strikes(FailingCall::Name::mkdir, path) ? -1 : real(path, mode);
}
