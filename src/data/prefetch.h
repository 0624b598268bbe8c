#pragma once

#include <condition_variable>
#include <deque>
#include <exception>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <thread>
#include <vector>

#include "mabert/data/loader.h"

namespace mabert::data {

/// Prepares the steps after the one taken last. Results depend on positions only, so neither the number of
/// threads nor their timing shows. Source: own.
class Prefetcher {
 public:
  using Make = std::function<StepBatches(LoaderPosition)>;
  using Next = std::function<LoaderPosition(LoaderPosition)>;

  Prefetcher(Make make, Next next, std::size_t depth, std::size_t workers);
  ~Prefetcher();

  /// The step at `position`; throws what preparing it threw.
  StepBatches take(LoaderPosition position);

 private:
  struct Slot {
    LoaderPosition position;
    bool started = false;
    std::optional<StepBatches> result;
    std::exception_ptr error;
    bool done() const { return result.has_value() || error != nullptr; }
  };

  void work(const std::stop_token& stop);
  void extend(LoaderPosition last);

  Make make_;
  Next next_;
  std::size_t depth_;
  std::mutex mutex_;
  std::condition_variable_any waiting_, finished_;
  std::deque<std::shared_ptr<Slot>>
      slots_;  // consecutive positions; one given up lives on with the thread that has it
  std::vector<std::jthread> workers_;
};

}  // namespace mabert::data
