#pragma once

#include <atomic>

namespace mabert::app {

/// The number of the first SIGINT or SIGTERM received since install_signal_handlers(); 0 before.
const std::atomic<int>& stop_signal();

/// From now on SIGINT and SIGTERM ask for a stop at the next step boundary; a second one ends the process at
/// once. To be called by the main thread.
void install_signal_handlers();

}  // namespace mabert::app
