#include "mabert/train/console.h"

#include <algorithm>
#include <fmt/format.h>
#include <mutex>

#include <spdlog/sinks/base_sink.h>
#include <spdlog/sinks/basic_file_sink.h>

#include "mabert/core/error.h"

namespace mabert::train {
namespace {

constexpr const char* kClearLine = "\r\033[K";

class TerminalSink final : public spdlog::sinks::base_sink<std::mutex> {
 public:
  TerminalSink(std::ostream& out, bool is_terminal) : out_(out), is_terminal_(is_terminal) {}

 protected:
  void sink_it_(const spdlog::details::log_msg& message) override {
    spdlog::memory_buf_t text;
    base_sink<std::mutex>::formatter_->format(message, text);
    if (is_terminal_) out_ << kClearLine;
    out_.write(text.data(), static_cast<std::streamsize>(text.size()));
    out_.flush();
  }
  void flush_() override { out_.flush(); }

 private:
  std::ostream& out_;
  bool is_terminal_;
};

std::string duration(double seconds) {
  const auto total = static_cast<std::int64_t>(std::max(seconds, 0.0));
  if (total >= 3600) return fmt::format("{}:{:02}:{:02}", total / 3600, total / 60 % 60, total % 60);
  return fmt::format("{}:{:02}", total / 60, total % 60);
}

std::string count(double value) {
  if (value >= 1e9) return fmt::format("{:.2f}G", value / 1e9);
  if (value >= 1e6) return fmt::format("{:.2f}M", value / 1e6);
  if (value >= 1e4) return fmt::format("{:.1f}k", value / 1e3);
  return fmt::format("{:.0f}", value);
}

/// "accuracy 91.20%", "perplexity 7.39", "matthews 0.5213".
std::string describe(const NamedValue& item) {
  if (item.name.ends_with("accuracy")) return fmt::format("accuracy {:.2f}%", 100.0 * item.value);
  if (item.name == "perplexity") return fmt::format("perplexity {:.2f}", item.value);
  return fmt::format("{} {:.4f}", item.name, item.value);
}

}  // namespace

std::shared_ptr<spdlog::logger> open_log(const std::filesystem::path& file, std::ostream& terminal,
                                         bool is_terminal) {
  std::shared_ptr<spdlog::sinks::basic_file_sink_mt> to_file;
  try {
    to_file = std::make_shared<spdlog::sinks::basic_file_sink_mt>(file.string());
  } catch (const spdlog::spdlog_ex& error) {
    throw DataError(file.string() + ": cannot open the log: " + error.what());
  }
  to_file->set_pattern("%Y-%m-%d %H:%M:%S %l %v");
  auto to_terminal = std::make_shared<TerminalSink>(terminal, is_terminal);
  to_terminal->set_pattern("%H:%M:%S %v");
  to_terminal->set_level(spdlog::level::info);
  auto log = std::make_shared<spdlog::logger>("mabert", spdlog::sinks_init_list{to_file, to_terminal});
  log->set_level(spdlog::level::debug);
  log->flush_on(spdlog::level::debug);
  return log;
}

std::string describe(const Metrics& metrics, std::int64_t total_steps) {
  std::string line = fmt::format("step {}/{} {} loss {:.4f}", metrics.step, total_steps,
                                 split_name(metrics.split), metrics.loss);
  for (const NamedValue& item : metrics.values) line += " " + describe(item);
  if (metrics.lr) line += fmt::format(" lr {:.3g}", *metrics.lr);
  if (metrics.grad_norm) line += fmt::format(" grad {:.3f}", *metrics.grad_norm);
  if (metrics.tokens_per_second) line += fmt::format(" {} tokens/s", count(*metrics.tokens_per_second));
  if (metrics.memory)
    line += fmt::format(" memory {:.2f} GiB", static_cast<double>(*metrics.memory) / (1 << 30));
  if (metrics.skipped.value_or(0) > 0) line += fmt::format(" skipped {}", *metrics.skipped);
  return line + " time " + duration(metrics.seconds);
}

Console::Console(std::shared_ptr<spdlog::logger> log, std::ostream& terminal, bool is_terminal,
                 std::int64_t total_steps)
    : log_(std::move(log)), terminal_(terminal), is_terminal_(is_terminal), total_steps_(total_steps) {}

Console::~Console() {
  if (is_terminal_ && first_step_ >= 0) terminal_ << kClearLine << std::flush;
}

void Console::on_step(std::int64_t step) {
  if (!is_terminal_) return;
  const Clock::time_point now = Clock::now();
  if (first_step_ < 0) {
    first_step_ = step - 1;
    begin_ = now;
  }
  if (now - drawn_ < std::chrono::milliseconds(100) && step != total_steps_) return;
  drawn_ = now;
  draw(step, now);
}

void Console::draw(std::int64_t step, Clock::time_point now) {
  constexpr std::int64_t kWidth = 24;
  const std::int64_t filled =
      std::clamp<std::int64_t>(kWidth * step / std::max<std::int64_t>(total_steps_, 1), 0, kWidth);
  const double elapsed = std::chrono::duration<double>(now - begin_).count();
  // The first step's own time is not in `elapsed`.
  const auto measured = static_cast<double>(step - first_step_ - 1);
  std::string left = "--:--";
  if (measured > 0) left = duration(elapsed / measured * static_cast<double>(total_steps_ - step));
  terminal_ << kClearLine
            << fmt::format("[{}{}] {}/{} left {} {}", std::string(static_cast<std::size_t>(filled), '#'),
                           std::string(static_cast<std::size_t>(kWidth - filled), '.'), step, total_steps_,
                           left, latest_)
            << std::flush;
}

void Console::on_metrics(const Metrics& metrics) {
  const std::string line = describe(metrics, total_steps_);
  if (is_terminal_ && metrics.split == Split::train) {
    log_->debug("{}", line);
    latest_ = fmt::format("loss {:.4f}", metrics.loss);
    if (metrics.lr) latest_ += fmt::format(" lr {:.2g}", *metrics.lr);
    if (metrics.grad_norm) latest_ += fmt::format(" grad {:.2f}", *metrics.grad_norm);
    if (metrics.tokens_per_second) latest_ += fmt::format(" {} tok/s", count(*metrics.tokens_per_second));
    if (metrics.memory)
      latest_ += fmt::format(" {:.1f} GiB", static_cast<double>(*metrics.memory) / (1 << 30));
    return;
  }
  log_->info("{}", line);
}

}  // namespace mabert::train
