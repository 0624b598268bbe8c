#include "mabert/app/signals.h"

#include <csignal>

namespace mabert::app {
namespace {

std::atomic<int> received{0};
static_assert(std::atomic<int>::is_always_lock_free, "a signal handler may only touch lock-free atomics");

void on_signal(int number) {
  received.store(number);
  std::signal(number, SIG_DFL);  // the second one is not ours
}

}  // namespace

const std::atomic<int>& stop_signal() { return received; }

void install_signal_handlers() {
  std::signal(SIGINT, on_signal);
  std::signal(SIGTERM, on_signal);
}

}  // namespace mabert::app
