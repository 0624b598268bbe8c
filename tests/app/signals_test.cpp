#include "mabert/app/signals.h"

#include <csignal>
#include <sys/wait.h>
#include <unistd.h>

#include <gtest/gtest.h>

namespace mabert::app {
namespace {

// How a process ends that does `work` and then exits with 7.
template <class Work>
int status_of(const Work& work) {
  const pid_t child = ::fork();
  if (child == 0) {
    work();
    ::_exit(7);
  }
  int status = 0;
  EXPECT_EQ(::waitpid(child, &status, 0), child);
  return status;
}

TEST(SignalsTest, TheFirstIsKeptAndTheSecondEndsTheProcess) {
  for (const int number : {SIGINT, SIGTERM}) {
    const int first = status_of([&] {
      install_signal_handlers();
      ::raise(number);
      if (stop_signal().load() != number) ::_exit(1);
    });
    EXPECT_TRUE(WIFEXITED(first));
    EXPECT_EQ(WEXITSTATUS(first), 7);
    const int second = status_of([&] {
      install_signal_handlers();
      ::raise(number);
      ::raise(SIGTERM);
    });
    EXPECT_TRUE(WIFSIGNALED(second));
    EXPECT_EQ(WTERMSIG(second), SIGTERM);
  }
}

// On the stack of the thread that computes it would overwrite what oneDNN keeps below the stack pointer.
TEST(SignalsTest, HandlersRunOnAStackOfTheirOwn) {
  const int status = status_of([] {
    install_signal_handlers();
    stack_t stack{};
    ::sigaltstack(nullptr, &stack);
    if ((stack.ss_flags & SS_DISABLE) != 0) ::_exit(1);
    for (const int number : {SIGINT, SIGTERM}) {
      struct sigaction action {};
      ::sigaction(number, nullptr, &action);
      if ((action.sa_flags & SA_ONSTACK) == 0) ::_exit(2);
    }
  });
  EXPECT_EQ(WEXITSTATUS(status), 7);
}

}  // namespace
}  // namespace mabert::app
