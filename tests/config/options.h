#pragma once

#include <array>
#include <cstdint>
#include <filesystem>
#include <fstream>
#include <map>
#include <optional>
#include <string>
#include <unistd.h>
#include <variant>
#include <vector>

#include <gtest/gtest.h>

#include "mabert/config/fields.h"
#include "mabert/config/read.h"
#include "mabert/core/error.h"

/// Options of every kind that a config may hold, for the tests of this layer.
namespace mabert::config::testing {

enum class Activation { gelu, relu, swish };

struct FeedForward {
  int64_t size = 3072;
  Activation activation = Activation::gelu;

  template <class Self, class Visitor>
  static void visit_fields(Self& self, Visitor& visit) {
    visit("size", self.size, at_least(1), "Inner width.");
    visit("activation", self.activation, "Nonlinearity between the two projections.");
  }
  bool operator==(const FeedForward&) const = default;
};

struct Everything {
  bool flag = true;
  int small = -3;
  int64_t count = 7;
  uint64_t seed = 1;
  double rate = 0.5;
  double temperature = 1;
  std::string name = "run";
  std::filesystem::path folder = "out/run";
  std::optional<int64_t> limit;
  std::vector<int64_t> sizes = {1, 2};
  std::vector<bool> switches;
  std::vector<std::vector<std::string>> words;
  std::map<std::string, double> weights;
  FeedForward feed_forward;
  std::optional<FeedForward> extra;
  std::vector<FeedForward> layers;
  std::map<std::string, FeedForward> blocks;

  template <class Self, class Visitor>
  static void visit_fields(Self& self, Visitor& visit) {
    visit("flag", self.flag, "A switch.");
    visit("small", self.small, at_most(100), "A small number.");
    visit("count", self.count, "A count.");
    visit("seed", self.seed, "Random seed.");
    visit("rate", self.rate, between(0, 1), "A rate.");
    visit("temperature", self.temperature, above(0.0), "A temperature.");
    visit("name", self.name, "A name.");
    visit("folder", self.folder, "Where to write.");
    visit("limit", self.limit, at_least(1), "An upper bound, if any.");
    visit("sizes", self.sizes, between(1, 64), "Sizes.");
    visit("switches", self.switches, "Switches.");
    visit("words", self.words, "Lists of words.");
    visit("weights", self.weights, at_least(0.0), "Weights by name.");
    visit("feed_forward", self.feed_forward, "The feed-forward network.");
    visit("extra", self.extra, "Another one, if any.");
    visit("layers", self.layers, "One by layer.");
    visit("blocks", self.blocks, "Named ones.");
  }
  bool operator==(const Everything&) const = default;
};

struct Mixer;

struct Mamba {
  static constexpr std::string_view kType = "mamba";
  int64_t state_size = 16;

  template <class Self, class Visitor>
  static void visit_fields(Self& self, Visitor& visit) {
    visit("state_size", self.state_size, between(1, 64), "State size.");
  }
  bool operator==(const Mamba&) const = default;
};

struct Attention {
  static constexpr std::string_view kType = "attention";
  int64_t heads = 12;
  double dropout = 0;

  template <class Self, class Visitor>
  static void visit_fields(Self& self, Visitor& visit) {
    visit("heads", self.heads, at_least(1), "Heads.");
    visit("dropout", self.dropout, between(0, 1), "Dropout.");
  }
  bool operator==(const Attention&) const = default;
};

struct Parallel {
  static constexpr std::string_view kType = "parallel";
  std::vector<Mixer> children;

  template <class Self, class Visitor>
  static void visit_fields(Self& self, Visitor& visit) {
    visit("children", self.children, "The mixers that run side by side.");
  }
  bool operator==(const Parallel& other) const;
};

struct Mixer {
  using Alternatives = std::variant<Mamba, Attention, Parallel>;
  Alternatives value;
  bool operator==(const Mixer&) const = default;
};

inline bool Parallel::operator==(const Parallel& other) const { return children == other.children; }

struct Block {
  Mixer mixer;

  template <class Self, class Visitor>
  static void visit_fields(Self& self, Visitor& visit) {
    visit("mixer", self.mixer, "What mixes positions.");
  }
  bool operator==(const Block&) const = default;
};

struct Model {
  int64_t width = 768;
  Mixer mixer{Attention{.heads = 8}};
  std::map<std::string, Block> blocks;

  template <class Self, class Visitor>
  static void visit_fields(Self& self, Visitor& visit) {
    visit("width", self.width, at_least(1), "Model width.");
    visit("mixer", self.mixer, "The only mixer.");
    visit("blocks", self.blocks, "Blocks by name.");
  }
  std::optional<Problem> validate() const {
    for (const auto& [name, block] : blocks) {
      const auto* attention = std::get_if<Attention>(&block.mixer.value);
      if (attention && width % attention->heads != 0) {
        return Problem{"blocks." + name + ".mixer.heads", "a divisor of the width " + std::to_string(width),
                       std::to_string(attention->heads)};
      }
    }
    return std::nullopt;
  }
  bool operator==(const Model&) const = default;
};

struct Study {
  Model model;
  std::vector<Model> others;

  template <class Self, class Visitor>
  static void visit_fields(Self& self, Visitor& visit) {
    visit("model", self.model, "The model.");
    visit("others", self.others, "More models.");
  }
  std::optional<Problem> validate() const {
    if (others.size() > 1 && others[1].width != model.width) {
      return Problem{"others[1].width", "the width of the model", std::to_string(others[1].width)};
    }
    if (others.size() > 2) return Problem{"", "at most two other models", ""};
    return std::nullopt;
  }
  bool operator==(const Study&) const = default;
};

/// What reading the text as `T` complains about; "" if nothing.
template <class T>
std::string error_of(const std::string& text, const std::vector<std::string>& overrides = {}) {
  try {
    read<T>(parse(text, "x.yaml", overrides));
  } catch (const UsageError& error) {
    EXPECT_EQ(error.code(), ExitCode::usage);
    return error.what();
  }
  return "";
}

template <class T>
T value_of(const std::string& text, const std::vector<std::string>& overrides = {}) {
  return read<T>(parse(text, "x.yaml", overrides));
}

/// A folder of its own, removed at the end; the files in it are named relative to the working directory.
class FolderTest : public ::testing::Test {
 protected:
  FolderTest() {
    std::string name = (std::filesystem::temp_directory_path() / "mabert-config-XXXXXX").string();
    folder_ = mkdtemp(name.data());
  }
  ~FolderTest() override { std::filesystem::remove_all(folder_); }

  std::string path(const std::string& name) const { return (folder_ / name).string(); }

  std::string write(const std::string& name, const std::string& text) const {
    std::filesystem::create_directories((folder_ / name).parent_path());
    std::ofstream(folder_ / name, std::ios::binary) << text;
    return path(name);
  }

  template <class T>
  std::string load_error(const std::string& name, const std::vector<std::string>& overrides = {}) const {
    try {
      load_config<T>(path(name), overrides);
    } catch (const UsageError& error) {
      return error.what();
    }
    return "";
  }

 private:
  std::filesystem::path folder_;
};

}  // namespace mabert::config::testing

template <>
struct mabert::config::EnumNames<mabert::config::testing::Activation> {
  using Activation = mabert::config::testing::Activation;
  static constexpr std::array names{EnumName{"gelu", Activation::gelu}, EnumName{"relu", Activation::relu},
                                    EnumName{"swish", Activation::swish}};
};
