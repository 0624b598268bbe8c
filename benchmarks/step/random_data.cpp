#include "benchmarks/step/random_data.h"

#include <cstdlib>
#include <system_error>

#include "mabert/core/error.h"
#include "mabert/core/random.h"
#include "mabert/data/tokenizer.h"

namespace mabert::bench {
namespace {

// Only its size and identity matter.
class NumberTokenizer final : public data::Tokenizer {
 public:
  explicit NumberTokenizer(std::int64_t vocabulary) : vocabulary_(vocabulary) {}
  std::vector<std::int32_t> encode_continuation(std::string_view) const override { return {}; }
  std::unique_ptr<data::Encoder> encoder() const override { return nullptr; }
  std::string decode(std::span<const std::int32_t>) const override { return {}; }
  std::string piece(std::int32_t id) const override { return std::to_string(id); }
  std::int64_t vocabulary_size() const override { return vocabulary_; }
  const std::string& serialized() const override { return bytes_; }

 private:
  std::int64_t vocabulary_;
  std::string bytes_ = "numbers";
};

std::int64_t below(std::int64_t bound, std::uint64_t stream, std::uint64_t index) {
  return static_cast<std::int64_t>(Philox::draw(1, stream, index).word64(0) %
                                   static_cast<std::uint64_t>(bound));
}

}  // namespace

TemporaryFolder::TemporaryFolder() {
  std::error_code ignored;
  std::string name = (std::filesystem::temp_directory_path(ignored) / "mabert-bench-XXXXXX").string();
  if (::mkdtemp(name.data()) == nullptr)
    throw DataError(name + ": cannot make a temporary folder; set TMPDIR");
  path_ = name;
}

TemporaryFolder::~TemporaryFolder() {
  std::error_code ignored;
  std::filesystem::remove_all(path_, ignored);
}

std::vector<std::int64_t> uniform_lengths(std::int64_t documents, std::int64_t least, std::int64_t most) {
  std::vector<std::int64_t> lengths;
  for (std::int64_t i = 0; i < documents; ++i) {
    lengths.push_back(least + below(most - least + 1, 0, static_cast<std::uint64_t>(i)));
  }
  return lengths;
}

std::shared_ptr<const data::ShardSet> write_random_shards(const std::filesystem::path& folder,
                                                          std::int64_t vocabulary,
                                                          std::span<const std::int64_t> lengths) {
  const NumberTokenizer tokenizer(vocabulary);
  data::ShardSetWriter writer(folder, tokenizer, std::int64_t{1} << 24);
  const std::int64_t first = tokenizer.special().first_ordinary;
  std::uint64_t draw = 0;
  for (const std::int64_t length : lengths) {
    std::vector<std::int32_t> ids(static_cast<std::size_t>(length));
    for (std::int32_t& id : ids) id = static_cast<std::int32_t>(first + below(vocabulary - first, 1, draw++));
    writer.append(ids);
  }
  writer.finish();
  return std::make_shared<const data::ShardSet>(folder);
}

}  // namespace mabert::bench
