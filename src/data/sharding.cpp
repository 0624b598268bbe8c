#include "mabert/data/sharding.h"

#include "output_folder.h"

#include <algorithm>
#include <condition_variable>
#include <exception>
#include <mutex>
#include <string_view>
#include <system_error>
#include <thread>

#include "mabert/core/error.h"
#include "mabert/core/files.h"
#include "mabert/core/random.h"
#include "mabert/data/tokenizer.h"

namespace mabert::data {
namespace {

constexpr std::size_t kChunkBytes = std::size_t{1} << 18;

struct Chunk {
  std::uint64_t ticket = 0;
  std::uint64_t bytes_read = 0;  // of the inputs, up to its end
  std::vector<std::string> texts;
};

struct EncodedDocument {
  std::vector<std::int32_t> ids;
  bool held_out = false;
};

// By content, so that a text that occurs twice is on one side only.
bool falls_into_valid(std::string_view text, std::uint64_t key, double fraction) {
  const std::uint64_t hash = checksum(std::as_bytes(std::span(text.data(), text.size())));
  return uniform_double(Philox::draw(key, text.size(), hash).word64(0)) < fraction;
}

/// Reads, encodes and writes with several threads. Each takes the next chunk under one lock, encodes it
/// alone, and waits for its turn to write: the order is that of the text and memory is bounded by the number
/// of threads.
class Pipeline {
 public:
  Pipeline(const Tokenizer& tokenizer, DocumentReader& reader,
           std::function<bool(std::string_view)> holds_out, std::function<void(const EncodedDocument&)> write,
           std::function<void(std::uint64_t)> written)
      : tokenizer_(tokenizer),
        reader_(reader),
        holds_out_(std::move(holds_out)),
        write_(std::move(write)),
        written_(std::move(written)) {}

  void run(std::size_t threads) {
    std::vector<std::jthread> workers;
    for (std::size_t i = 1; i < threads; ++i) workers.emplace_back([this] { work(); });
    work();
    workers.clear();
    if (failure_) std::rethrow_exception(failure_);
  }

 private:
  void work() {
    try {
      const auto encoder = tokenizer_.encoder();
      for (Chunk chunk = take(); !chunk.texts.empty(); chunk = take()) {
        std::vector<EncodedDocument> documents(chunk.texts.size());
        for (std::size_t i = 0; i < chunk.texts.size(); ++i) {
          encoder->append(chunk.texts[i], documents[i].ids);
          documents[i].held_out = holds_out_(chunk.texts[i]);
        }
        put(chunk, documents);
      }
    } catch (...) {
      const std::lock_guard lock(write_mutex_);
      if (!failure_) failure_ = std::current_exception();
      turn_changed_.notify_all();
    }
  }

  Chunk take() {
    const std::lock_guard lock(read_mutex_);
    Chunk chunk;
    for (std::size_t bytes = 0; bytes < kChunkBytes;) {
      auto text = reader_.next();
      if (!text) break;
      bytes += text->size();
      chunk.texts.push_back(std::move(*text));
    }
    chunk.ticket = next_ticket_++;
    chunk.bytes_read = reader_.bytes_read();
    return chunk;
  }

  void put(const Chunk& chunk, const std::vector<EncodedDocument>& documents) {
    std::unique_lock lock(write_mutex_);
    turn_changed_.wait(lock, [&] { return turn_ == chunk.ticket || failure_; });
    if (failure_) std::rethrow_exception(failure_);
    for (const EncodedDocument& document : documents) write_(document);
    ++turn_;
    written_(chunk.bytes_read);
    turn_changed_.notify_all();
  }

  const Tokenizer& tokenizer_;
  DocumentReader& reader_;
  std::function<bool(std::string_view)> holds_out_;
  std::function<void(const EncodedDocument&)> write_;
  std::function<void(std::uint64_t)> written_;  // given bytes_read of the chunk
  std::mutex read_mutex_, write_mutex_;
  std::condition_variable turn_changed_;
  std::uint64_t next_ticket_ = 0, turn_ = 0;
  std::exception_ptr failure_;
};

[[noreturn]] void throw_no_text(const std::vector<std::string>& inputs) {
  throw DataError(inputs.front() + ": no text in the inputs; give files with text in them");
}

class Sharding {
 public:
  Sharding(const ShardOptions& options, const std::filesystem::path& folder,
           const std::function<void(const ShardProgress&)>& progress)
      : options_(options),
        folder_(folder),
        progress_(progress),
        tokenizer_(load_tokenizer(options.tokenizer)) {
    train_.emplace(folder_ / "train", *tokenizer_, static_cast<std::uint64_t>(options.shard_tokens));
    if (!options.valid_inputs.empty() || options.valid_fraction > 0) {
      valid_.emplace(folder_ / "valid", *tokenizer_, static_cast<std::uint64_t>(options.shard_tokens));
    }
  }

  ShardSummary run() {
    auto inputs = find_text_inputs(options_.inputs, options_.format);
    std::vector<TextInput> valid_inputs;
    if (!options_.valid_inputs.empty())
      valid_inputs = find_text_inputs(options_.valid_inputs, options_.format);
    for (const auto& list : {inputs, valid_inputs}) {
      for (const TextInput& input : list) {
        state_.bytes_total += input.bytes;
        known_ = known_ && input.path != "-";
      }
    }
    if (!known_) state_.bytes_total = 0;
    const std::uint64_t key = derive_key(static_cast<std::uint64_t>(options_.seed), RandomPurpose::split);
    const double fraction = options_.valid_inputs.empty() ? options_.valid_fraction : 0;
    encode(std::move(inputs), [=](std::string_view text) { return falls_into_valid(text, key, fraction); });
    if (state_.documents == 0) throw_no_text(options_.inputs);
    if (!valid_inputs.empty()) encode(std::move(valid_inputs), [](std::string_view) { return true; });
    return finish();
  }

 private:
  void encode(std::vector<TextInput> inputs, std::function<bool(std::string_view)> holds_out) {
    DocumentReader reader(std::move(inputs));
    const std::uint64_t before = state_.bytes_done;
    const auto write = [&](const EncodedDocument& document) { append(document); };
    const auto written = [&](std::uint64_t bytes_read) {
      state_.bytes_done = before + bytes_read;
      if (progress_) progress_(state_);
    };
    const std::size_t processors = std::max(1u, std::thread::hardware_concurrency());
    const std::size_t threads =
        options_.threads > 0 ? static_cast<std::size_t>(options_.threads) : processors;
    Pipeline(*tokenizer_, reader, std::move(holds_out), write, written).run(threads);
    written(reader.bytes_read());
  }

  void append(const EncodedDocument& document) {
    if (document.ids.empty()) {
      ++summary_.empty_documents;
      return;
    }
    summary_.unknown_tokens += static_cast<std::uint64_t>(
        std::count(document.ids.begin(), document.ids.end(), SpecialIds().unknown));
    (document.held_out ? *valid_ : *train_).append(document.ids);
    ++state_.documents;
    state_.tokens += document.ids.size();
  }

  ShardSummary finish() {
    summary_.train = train_->finish();
    if (valid_) summary_.valid = valid_->finish();
    const std::string count = std::to_string(state_.documents);
    if (summary_.valid && summary_.valid->documents == 0) {
      throw DataError(options_.inputs.front() + ": none of the " + count +
                      " documents was held out for validation; raise " +
                      "valid_fraction (0 for none), give valid_inputs, or separate documents by blank lines");
    }
    if (summary_.train.documents == 0) {
      throw DataError(options_.inputs.front() + ": all of the " + count +
                      " documents were held out for validation; lower " +
                      "valid_fraction or separate documents by blank lines");
    }
    write_file_atomically(folder_ / "tokenizer.model", tokenizer_->serialized());
    return summary_;
  }

  const ShardOptions& options_;
  std::filesystem::path folder_;
  const std::function<void(const ShardProgress&)>& progress_;
  std::shared_ptr<const Tokenizer> tokenizer_;
  std::optional<ShardSetWriter> train_, valid_;
  ShardProgress state_;
  ShardSummary summary_;
  bool known_ = true;
};

}  // namespace

ShardSummary write_shards(const ShardOptions& options,
                          const std::function<void(const ShardProgress&)>& progress) {
  OutputFolder folder(options.output, {"train", "valid", "tokenizer.model"});
  const ShardSummary summary = Sharding(options, folder.path(), progress).run();
  folder.commit();
  return summary;
}

}  // namespace mabert::data
