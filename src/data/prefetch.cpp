#include "prefetch.h"

#include <algorithm>

namespace mabert::data {

Prefetcher::Prefetcher(Make make, Next next, std::size_t depth, std::size_t workers)
    : make_(std::move(make)), next_(std::move(next)), depth_(depth) {
  for (std::size_t i = 0; i < workers; ++i) {
    workers_.emplace_back([this](const std::stop_token& stop) { work(stop); });
  }
}

Prefetcher::~Prefetcher() {
  for (std::jthread& worker : workers_) worker.request_stop();
  workers_.clear();
}

StepBatches Prefetcher::take(LoaderPosition position) {
  std::unique_lock lock(mutex_);
  if (slots_.empty() || slots_.front()->position != position) {
    slots_.clear();
    slots_.push_back(std::make_shared<Slot>(Slot{.position = position}));
  }
  const std::shared_ptr<Slot> slot = slots_.front();
  waiting_.notify_all();
  finished_.wait(lock, [&] { return slot->done(); });
  slots_.pop_front();
  if (slot->error) {
    slots_.clear();
    std::rethrow_exception(slot->error);
  }
  lock.unlock();
  extend(position);
  return std::move(*slot->result);
}

// Asks for the steps after `last`. Only take() changes slots_, so positions may be found without the lock.
void Prefetcher::extend(LoaderPosition last) {
  if (!slots_.empty()) last = slots_.back()->position;
  std::vector<std::shared_ptr<Slot>> added;
  while (slots_.size() + added.size() < depth_) {
    last = next_(last);
    added.push_back(std::make_shared<Slot>(Slot{.position = last}));
  }
  const std::lock_guard lock(mutex_);
  slots_.insert(slots_.end(), added.begin(), added.end());
  waiting_.notify_all();
}

void Prefetcher::work(const std::stop_token& stop) {
  while (true) {
    std::shared_ptr<Slot> slot;
    {
      std::unique_lock lock(mutex_);
      const auto find = [&] {
        const auto found =
            std::find_if(slots_.begin(), slots_.end(), [](const auto& s) { return !s->started; });
        slot = found == slots_.end() ? nullptr : *found;
        return slot != nullptr;
      };
      if (!waiting_.wait(lock, stop, find)) return;
      slot->started = true;
    }
    std::optional<StepBatches> result;
    std::exception_ptr error;
    try {
      result = make_(slot->position);
    } catch (...) {
      error = std::current_exception();
    }
    const std::lock_guard lock(mutex_);
    slot->result = std::move(result);
    slot->error = error;
    finished_.notify_all();
  }
}

}  // namespace mabert::data
