#include "mabert/train/safetensors.h"

#include <algorithm>
#include <bit>
#include <cstring>
#include <limits>
#include <optional>
#include <set>
#include <string_view>

#include <ATen/ops/empty.h>
#include <c10/core/InferenceMode.h>
#include <nlohmann/json.hpp>

#include "mabert/core/error.h"

namespace mabert::train {
namespace {

static_assert(std::endian::native == std::endian::little, "the format and this code are little-endian");

constexpr std::size_t kLengthBytes = 8;
constexpr std::size_t kMaxDimensions = 32;

struct DtypeName {
  std::string_view name;
  at::ScalarType dtype;
};
constexpr DtypeName kDtypes[] = {{"F64", at::kDouble}, {"I64", at::kLong},      {"F32", at::kFloat},
                                 {"I32", at::kInt},    {"BF16", at::kBFloat16}, {"F16", at::kHalf},
                                 {"U8", at::kByte},    {"BOOL", at::kBool}};

std::optional<std::string_view> dtype_name(at::ScalarType dtype) {
  for (const DtypeName& known : kDtypes) {
    if (known.dtype == dtype) return known.name;
  }
  return std::nullopt;
}

std::optional<at::ScalarType> dtype_of(std::string_view name) {
  for (const DtypeName& known : kDtypes) {
    if (known.name == name) return known.dtype;
  }
  return std::nullopt;
}

std::span<const std::byte> bytes_of(const at::Tensor& contiguous) {
  return {static_cast<const std::byte*>(contiguous.const_data_ptr()), contiguous.nbytes()};
}

/// Names in the order of their data: wide elements first, then by name.
std::vector<const NamedTensor*> data_order(const NamedTensors& tensors, const std::filesystem::path& path) {
  std::set<std::string_view> names;
  std::vector<const NamedTensor*> order;
  for (const NamedTensor& item : tensors) {
    if (item.name == "__metadata__" || !names.insert(item.name).second) {
      throw UsageError(path.string() + ": expected distinct tensor names, got '" + item.name + "' twice");
    }
    if (!dtype_name(item.tensor.scalar_type())) {
      throw UsageError(path.string() + ": tensor '" + item.name + "' has dtype " +
                       c10::toString(item.tensor.scalar_type()) +
                       ", which a safetensors file cannot hold here");
    }
    order.push_back(&item);
  }
  std::sort(order.begin(), order.end(), [](const NamedTensor* a, const NamedTensor* b) {
    const auto wide = a->tensor.element_size(), other = b->tensor.element_size();
    return wide != other ? wide > other : a->name < b->name;
  });
  return order;
}

/// Parses with a bounded depth and without silently merging equal keys.
nlohmann::json parse_strictly(std::string_view text, const std::string& where) {
  std::vector<std::set<std::string>> keys;
  const auto check = [&](int depth, nlohmann::json::parse_event_t event, nlohmann::json& value) {
    using Event = nlohmann::json::parse_event_t;
    if (depth > 3) throw CheckpointError(where + ": damaged header (nested too deeply)");
    if (event == Event::object_start) keys.emplace_back();
    if (event == Event::object_end) keys.pop_back();
    if (event == Event::key && !keys.back().insert(value.get<std::string>()).second) {
      throw CheckpointError(where + ": damaged header (name '" + value.get<std::string>() + "' twice)");
    }
    return true;
  };
  try {
    return nlohmann::json::parse(text.begin(), text.end(), check);
  } catch (const nlohmann::json::exception&) {
    throw CheckpointError(where + ": damaged header (not JSON); restore the file or use another checkpoint");
  }
}

}  // namespace

void write_safetensors(const std::filesystem::path& path, const NamedTensors& tensors,
                       const std::map<std::string, std::string>& metadata) {
  const std::vector<const NamedTensor*> order = data_order(tensors, path);
  nlohmann::ordered_json header = nlohmann::ordered_json::object();
  if (!metadata.empty()) header["__metadata__"] = metadata;
  std::uint64_t offset = 0;
  for (const NamedTensor* item : order) {
    const std::uint64_t size = item->tensor.nbytes();
    header[item->name] = {{"dtype", *dtype_name(item->tensor.scalar_type())},
                          {"shape", item->tensor.sizes().vec()},
                          {"data_offsets", {offset, offset + size}}};
    offset += size;
  }
  std::string text = header.dump();
  text.resize((text.size() + 7) / 8 * 8, ' ');
  const std::uint64_t length = text.size();
  AtomicFile file(path);
  file.write(std::as_bytes(std::span(&length, 1)));
  file.write(text);
  for (const NamedTensor* item : order) {
    file.write(bytes_of(item->tensor.detach().to(at::kCPU).contiguous()));
  }
  file.commit();
}

SafetensorsFile::SafetensorsFile(const std::filesystem::path& path) try : path_(path), file_(path) {
  const std::span<const std::byte> bytes = file_.bytes();
  std::uint64_t length = 0;
  if (bytes.size() >= kLengthBytes) std::memcpy(&length, bytes.data(), kLengthBytes);
  if (bytes.size() < kLengthBytes || length > kMaxHeaderBytes || length > bytes.size() - kLengthBytes) {
    throw CheckpointError(path.string() +
                          ": damaged (header length); restore the file or use another checkpoint");
  }
  data_begin_ = kLengthBytes + length;
  parse_header(
      {reinterpret_cast<const char*>(bytes.data()) + kLengthBytes, static_cast<std::size_t>(length)});
} catch (const DataError& error) {
  throw CheckpointError(error.what());
}

void SafetensorsFile::parse_header(std::string_view text) {
  const std::string where = path_.string();
  const auto damaged = [&](const std::string& name, const char* what) {
    return CheckpointError(where + ": damaged (" + what + " of '" + name +
                           "'); restore it or use another checkpoint");
  };
  const nlohmann::json header = parse_strictly(text, where);
  if (!header.is_object()) throw CheckpointError(where + ": damaged header (not a map)");
  for (const auto& [name, value] : header.items()) {
    if (!value.is_object()) throw damaged(name, "entry");
    if (name == "__metadata__") {
      for (const auto& [key, text_value] : value.items()) {
        if (!text_value.is_string()) throw damaged(key, "metadata");
        metadata_[key] = text_value.get<std::string>();
      }
      continue;
    }
    Entry entry{.name = name};
    const auto dtype = value.find("dtype"), shape = value.find("shape"), offsets = value.find("data_offsets");
    if (value.size() != 3 || dtype == value.end() || shape == value.end() || offsets == value.end()) {
      throw damaged(name, "fields");
    }
    const auto known = dtype->is_string() ? dtype_of(dtype->get_ref<const std::string&>()) : std::nullopt;
    if (!known) throw damaged(name, "dtype");
    entry.dtype = *known;
    if (!shape->is_array() || shape->size() > kMaxDimensions) throw damaged(name, "shape");
    // Bounding each factor's product by the file size keeps it from overflowing; a zero is remembered apart.
    std::uint64_t count = 1;
    bool empty = false;
    for (const auto& dimension : *shape) {
      if (!dimension.is_number_unsigned()) throw damaged(name, "shape");
      const std::uint64_t size = dimension.get<std::uint64_t>();
      if (size > (std::uint64_t{1} << 40)) throw damaged(name, "shape");
      empty = empty || size == 0;
      if (size > 0 && count > (std::uint64_t{1} << 48) / size) throw damaged(name, "shape");
      count *= std::max<std::uint64_t>(size, 1);
      entry.shape.push_back(static_cast<std::int64_t>(size));
    }
    if (!offsets->is_array() || offsets->size() != 2 || !(*offsets)[0].is_number_unsigned() ||
        !(*offsets)[1].is_number_unsigned()) {
      throw damaged(name, "offsets");
    }
    entry.begin = (*offsets)[0].get<std::uint64_t>();
    entry.end = (*offsets)[1].get<std::uint64_t>();
    const std::uint64_t expected = empty ? 0 : count * c10::elementSize(entry.dtype);
    if (entry.end < entry.begin || entry.end - entry.begin != expected) throw damaged(name, "size");
    entries_.push_back(std::move(entry));
  }
  std::sort(entries_.begin(), entries_.end(), [](const Entry& a, const Entry& b) {
    return a.begin != b.begin ? a.begin < b.begin : a.end < b.end;
  });
  std::uint64_t end = 0;
  for (std::size_t i = 0; i < entries_.size(); ++i) {
    if (entries_[i].begin != end) throw damaged(entries_[i].name, "offsets");
    end = entries_[i].end;
    index_[entries_[i].name] = i;
  }
  if (end != file_.bytes().size() - data_begin_) {
    throw CheckpointError(where + ": damaged (expected " + std::to_string(end) + " bytes of data, got " +
                          std::to_string(file_.bytes().size() - data_begin_) + ")");
  }
}

at::Tensor SafetensorsFile::tensor(const std::string& name) const {
  const auto found = index_.find(name);
  if (found == index_.end()) throw CheckpointError(path_.string() + ": no tensor '" + name + "'");
  const Entry& entry = entries_[found->second];
  at::Tensor result = at::empty(entry.shape, at::TensorOptions().dtype(entry.dtype));
  if (entry.end > entry.begin) {
    std::memcpy(result.mutable_data_ptr(), file_.bytes().data() + data_begin_ + entry.begin,
                entry.end - entry.begin);
  }
  return result;
}

NamedTensors read_tensors(const SafetensorsFile& file) {
  NamedTensors tensors;
  for (const SafetensorsFile::Entry& entry : file.entries()) {
    tensors.push_back({entry.name, file.tensor(entry.name)});
  }
  return tensors;
}

bool fits(const SafetensorsFile::Entry& entry, const at::Tensor& target) {
  if (target.sizes() != at::IntArrayRef(entry.shape)) return false;
  const bool widens =
      target.scalar_type() == at::kFloat && (entry.dtype == at::kBFloat16 || entry.dtype == at::kHalf);
  return entry.dtype == target.scalar_type() || widens;
}

void copy_into(const SafetensorsFile& file, const NamedTensors& targets) {
  for (const NamedTensor& target : targets) {
    if (!file.contains(target.name))
      throw CheckpointError(file.path().string() + ": no tensor '" + target.name + "'");
  }
  std::map<std::string_view, const at::Tensor*> wanted;
  for (const NamedTensor& target : targets) wanted[target.name] = &target.tensor;
  for (const SafetensorsFile::Entry& entry : file.entries()) {
    const auto found = wanted.find(entry.name);
    if (found == wanted.end()) {
      throw CheckpointError(file.path().string() + ": tensor '" + entry.name +
                            "' has no place in this model; " +
                            "the configuration must be the checkpoint's own");
    }
    if (!fits(entry, *found->second)) {
      throw CheckpointError(file.path().string() + ": tensor '" + entry.name + "': expected " +
                            c10::str(found->second->sizes()) + " " +
                            c10::toString(found->second->scalar_type()) + ", got " +
                            c10::str(at::IntArrayRef(entry.shape)) + " " + c10::toString(entry.dtype));
    }
  }
  for (const NamedTensor& target : targets) {
    target.tensor.detach().copy_(file.tensor(target.name).to(target.tensor.scalar_type()));
  }
}

}  // namespace mabert::train
