#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <string>
#include <vector>

#include <ATen/core/Tensor.h>

#include "mabert/core/files.h"

namespace mabert::train {

struct NamedTensor {
  std::string name;
  at::Tensor tensor;
};
using NamedTensors = std::vector<NamedTensor>;

/// Writes tensors of any device as one safetensors file, which appears only when complete. The largest
/// element types come first, so that every tensor is aligned to its element. dtypes: F64 F32 BF16 F16 I64 I32
/// U8 BOOL. Errors: UsageError for another dtype or a name given twice, DiskFullError, DataError. Source: the
/// public safetensors format (8-byte little-endian header length, JSON header, data).
void write_safetensors(const std::filesystem::path& path, const NamedTensors& tensors,
                       const std::map<std::string, std::string>& metadata = {});

/// A safetensors file, its header checked: known dtypes, no name twice, sizes that match the shapes, and data
/// that covers the rest of the file without a gap or an overlap. Errors: CheckpointError for a file that is
/// missing or damaged.
class SafetensorsFile {
 public:
  struct Entry {
    std::string name;
    at::ScalarType dtype = at::kFloat;
    std::vector<std::int64_t> shape;
    std::uint64_t begin = 0, end = 0;  ///< bytes of the data
  };
  static constexpr std::uint64_t kMaxHeaderBytes = 100'000'000;

  explicit SafetensorsFile(const std::filesystem::path& path);

  /// In the order of their data.
  const std::vector<Entry>& entries() const& { return entries_; }
  const std::vector<Entry>& entries() const&& = delete;
  bool empty() const { return entries_.empty(); }
  const std::map<std::string, std::string>& metadata() const { return metadata_; }
  bool contains(const std::string& name) const { return index_.count(name) != 0; }
  /// A copy of the tensor on the CPU. Errors: CheckpointError when there is none of that name.
  at::Tensor tensor(const std::string& name) const;
  const std::filesystem::path& path() const { return path_; }

 private:
  void parse_header(std::string_view header);

  std::filesystem::path path_;
  MappedFile file_;
  std::vector<Entry> entries_;
  std::map<std::string, std::size_t> index_;
  std::map<std::string, std::string> metadata_;
  std::uint64_t data_begin_ = 0;
};

/// All tensors of a file, on the CPU.
NamedTensors read_tensors(const SafetensorsFile& file);

/// Whether copy_into may fill the target: the same shape and dtype, or float32 from a bfloat16 or float16
/// entry.
bool fits(const SafetensorsFile::Entry& entry, const at::Tensor& target);

/// Copies each tensor of the file into the tensor of the same name, on any device. Errors: CheckpointError
/// unless the names are the same on both sides and all entries fit; nothing is copied then.
void copy_into(const SafetensorsFile& file, const NamedTensors& targets);

}  // namespace mabert::train
