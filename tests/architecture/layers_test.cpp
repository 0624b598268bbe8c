// Includes go only downwards, and each third-party library stays where it belongs (CONTRIBUTING.md,
// "Layers").
#include <filesystem>
#include <fstream>
#include <map>
#include <optional>
#include <regex>
#include <set>
#include <string>
#include <vector>

#include <gtest/gtest.h>

namespace mabert {
namespace {

namespace fs = std::filesystem;
using Names = std::set<std::string>;

// What each part of the tree may include of the others. Beside one another: config and metrics, nn and data.
const std::map<std::string, Names>& allowed_layers() {
  static const std::map<std::string, Names> table{
      {"core", {"core"}},
      {"config", {"core", "config"}},
      {"metrics", {"core", "metrics"}},
      {"ops", {"core", "ops"}},
      {"kernels", {"core", "ops", "kernels"}},
      {"nn", {"core", "config", "ops", "nn"}},
      {"data", {"core", "config", "metrics", "data"}},
      {"train", {"core", "config", "metrics", "ops", "nn", "data", "train"}},
      {"app", {"core", "config", "metrics", "ops", "nn", "data", "train", "app"}},
      {"tools", {"core", "config", "metrics", "ops", "nn", "data", "train", "app"}},
      {"tests", {"core", "config", "metrics", "ops", "kernels", "nn", "data", "train", "app"}},
      {"benchmarks", {"core", "config", "metrics", "ops", "kernels", "nn", "data", "train", "app"}},
  };
  return table;
}

// Where a header that begins so may be included (path prefixes); headers not listed may stand anywhere.
const std::vector<std::pair<std::string, std::vector<std::string>>>& allowed_places() {
  static const std::vector<std::pair<std::string, std::vector<std::string>>> table{
      {"yaml-cpp/", {"src/config/"}},
      {"sentencepiece", {"src/data/"}},
      {"spdlog/",
       {"src/train/", "include/mabert/train/", "src/app/", "include/mabert/app/", "tools/", "benchmarks/",
        "tests/"}},
      {"CLI/", {"src/app/", "tools/", "benchmarks/"}},
      {"hwy/", {"kernels/"}},
      {"torch/torch.h", {}},
      {"torch/extension.h", {}},
      {"torch/nn.h", {}},
      {"ATen/ATen.h", {}},
  };
  return table;
}

std::string layer_of(const std::string& path) {
  std::smatch match;
  static const std::regex inner("^(include/mabert|src)/([a-z]+)/.*"), outer("^([a-z]+)/.*");
  if (std::regex_match(path, match, inner)) return match[2];
  if (std::regex_match(path, match, outer)) return match[1];
  return "";
}

std::string layer_of_header(const std::string& header) {
  std::smatch match;
  static const std::regex ours("^mabert/([a-z]+)/.*"), bodies("^kernels/.*");
  if (std::regex_match(header, match, ours)) return match[1];
  return std::regex_match(header, bodies) ? "kernels" : "";
}

bool starts_with_any(const std::string& text, const std::vector<std::string>& prefixes) {
  for (const auto& prefix : prefixes) {
    if (text.starts_with(prefix)) return true;
  }
  return false;
}

// What is wrong with `header` being included by the file at `path` (relative to the root); nothing if fine.
std::optional<std::string> problem(const std::string& path, const std::string& header) {
  // A path upwards would reach another layer under a name that the table does not know.
  if (("/" + header + "/").find("/../") != std::string::npos)
    return path + " includes " + header + ": no '..' in includes";
  const std::string target = layer_of_header(header);
  const auto rule = allowed_layers().find(layer_of(path));
  if (!target.empty() && rule != allowed_layers().end() && !rule->second.contains(target)) {
    return path + " includes " + header + ": " + rule->first + " may not include " + target;
  }
  for (const auto& [prefix, places] : allowed_places()) {
    if (header.starts_with(prefix) && !starts_with_any(path, places)) return path + " includes " + header;
  }
  const bool device_code = path.ends_with(".cu") || path.ends_with(".cuh");
  if (device_code && starts_with_any(header, {"torch/", "ATen/", "c10/"})) {
    return path + " includes " + header + ": CUDA files see no torch header";
  }
  return std::nullopt;
}

std::vector<std::string> included_headers(const fs::path& file) {
  static const std::regex directive("^\\s*#\\s*include\\s*[<\"]([^>\"]+)[>\"].*");
  std::vector<std::string> headers;
  std::ifstream stream(file);
  for (std::string line; std::getline(stream, line);) {
    std::smatch match;
    if (std::regex_match(line, match, directive)) headers.push_back(match[1]);
  }
  return headers;
}

TEST(LayersTest, IncludesGoDownwards) {
  const fs::path root = MABERT_SOURCE_DIR;
  int files = 0;
  for (const char* part : {"include", "src", "kernels", "tools", "tests", "benchmarks"}) {
    if (!fs::exists(root / part)) continue;
    for (const auto& entry : fs::recursive_directory_iterator(root / part)) {
      const std::string extension = entry.path().extension();
      if (!Names{".h", ".cpp", ".cu", ".cuh"}.contains(extension)) continue;
      ++files;
      const std::string path = fs::relative(entry.path(), root);
      for (const auto& header : included_headers(entry.path())) {
        if (const auto found = problem(path, header)) ADD_FAILURE() << *found;
      }
    }
  }
  EXPECT_GT(files, 30);
}

TEST(LayersTest, TheCheckSeesViolations) {
  EXPECT_TRUE(problem("src/nn/a.cpp", "mabert/data/batch.h"));
  EXPECT_TRUE(problem("include/mabert/data/a.h", "mabert/nn/encoder.h"));
  EXPECT_TRUE(problem("src/ops/a.cpp", "kernels/selective_scan/params.h"));
  EXPECT_TRUE(problem("kernels/selective_scan/forward.cu", "c10/cuda/CUDAStream.h"));
  EXPECT_TRUE(problem("src/nn/a.cpp", "spdlog/spdlog.h"));
  EXPECT_TRUE(problem("src/metrics/a.cpp", "mabert/config/read.h"));
  EXPECT_TRUE(problem("src/config/a.cpp", "mabert/metrics/metric.h"));
  EXPECT_TRUE(problem("tools/mabert.cpp", "torch/torch.h"));
  EXPECT_TRUE(problem("src/nn/a.cpp", "../data/output_folder.h"));
  EXPECT_TRUE(problem("src/nn/a.cpp", "mabert/nn/../data/batch.h"));
  EXPECT_FALSE(problem("src/nn/a.cpp", "a..b.h"));
  EXPECT_FALSE(problem("src/train/a.cpp", "mabert/nn/encoder.h"));
  EXPECT_FALSE(problem("kernels/selective_scan/register_cuda.cpp", "c10/cuda/CUDAStream.h"));
}

}  // namespace
}  // namespace mabert
