#include "mabert/app/signals.h"

#include <array>
#include <csignal>
#include <cstddef>

namespace mabert::app {
namespace {

std::atomic<int> received{0};
static_assert(std::atomic<int>::is_always_lock_free, "a signal handler may only touch lock-free atomics");

// A process's signals go to its main thread, which also computes, and oneDNN's matrix products keep data
// below the stack pointer: a handler on the same stack overwrites it.
alignas(std::max_align_t) std::array<std::byte, std::size_t{1} << 16> handler_stack;

void on_signal(int number) {
  received.store(number);
  // The second one is not ours, whichever it is.
  std::signal(SIGINT, SIG_DFL);
  std::signal(SIGTERM, SIG_DFL);
}

}  // namespace

const std::atomic<int>& stop_signal() { return received; }

void install_signal_handlers() {
  stack_t stack{};
  stack.ss_sp = handler_stack.data();
  stack.ss_size = handler_stack.size();
  ::sigaltstack(&stack, nullptr);
  struct sigaction action {};
  action.sa_handler = on_signal;
  action.sa_flags = SA_ONSTACK | SA_RESTART;
  ::sigaction(SIGINT, &action, nullptr);
  ::sigaction(SIGTERM, &action, nullptr);
}

}  // namespace mabert::app
