#include "mabert/train/checkpoint.h"

#include <array>
#include <cerrno>
#include <string_view>
#include <system_error>

#include <nlohmann/json.hpp>
#include <torch/version.h>

#include "mabert/core/error.h"
#include "mabert/core/files.h"

namespace mabert::train {
namespace {

namespace fs = std::filesystem;

constexpr std::string_view kFormat = "mabert-checkpoint";
constexpr int kFormatVersion = 1;
constexpr std::array kFiles = {"model.safetensors", "optimizer.safetensors", "state.json", "config.yaml",
                               "tokenizer.model"};
constexpr std::uint64_t kMaxManifestBytes = 1 << 20;
constexpr std::uint64_t kMaxTextBytes = 256 << 20;

nlohmann::ordered_json describe_file(const fs::path& path) {
  const MappedFile file(path);
  return {{"bytes", file.bytes().size()}, {"xxh3", to_hex(checksum(file.bytes()))}};
}

/// A text file of the checkpoint and what its bytes in memory say it must be when read back.
nlohmann::ordered_json write_text(const fs::path& path, std::string_view text) {
  write_file_atomically(path, text);
  return {{"bytes", text.size()},
          {"xxh3", to_hex(checksum(std::as_bytes(std::span(text.data(), text.size()))))}};
}

/// The tensors as written, compared with those in memory.
nlohmann::ordered_json write_tensors(const fs::path& path, const NamedTensors& tensors) {
  write_safetensors(path, tensors, {{"format", "pt"}});
  const SafetensorsFile file(path);
  for (const NamedTensor& item : tensors) {
    const at::Tensor expected = item.tensor.detach().to(at::kCPU).contiguous();
    const at::Tensor got = file.tensor(item.name);
    const auto bytes = [](const at::Tensor& t) {
      return std::span(static_cast<const std::byte*>(t.const_data_ptr()), t.nbytes());
    };
    if (checksum(bytes(expected)) != checksum(bytes(got))) {
      throw CheckpointError(path.string() + ": '" + item.name +
                            "' reads back differently from what was written; " + "check the disk");
    }
  }
  return describe_file(path);
}

DiskFullError disk_full(const fs::path& path) {
  return DiskFullError(path.string() + ": the disk is full; free some space and run the same command again");
}

bool is_disk_full(const std::error_code& error) { return error.value() == ENOSPC || error.value() == EDQUOT; }

void remove_quietly(const fs::path& directory) {
  std::error_code ignored;
  fs::remove_all(directory, ignored);
}

void rename_directory(const fs::path& from, const fs::path& to) {
  std::error_code error;
  fs::rename(from, to, error);
  if (is_disk_full(error)) throw disk_full(to);
  if (error) throw DataError(to.string() + ": cannot rename a checkpoint into place: " + error.message());
}

[[noreturn]] void reject(const fs::path& path, const std::string& what) {
  throw CheckpointError(path.string() + ": " + what + "; use another checkpoint of the run");
}

}  // namespace

void save_checkpoint(const fs::path& directory, const CheckpointContent& content) {
  fs::path part = directory, old = directory;
  part += ".part";
  old += ".old.part";
  remove_quietly(part);
  remove_quietly(old);
  std::error_code error;
  fs::create_directories(part, error);
  if (is_disk_full(error)) throw disk_full(part);
  if (error) throw DataError(part.string() + ": cannot create: " + error.message());
  try {
    nlohmann::ordered_json files;
    files["model.safetensors"] = write_tensors(part / "model.safetensors", content.model);
    files["optimizer.safetensors"] = write_tensors(part / "optimizer.safetensors", content.optimizer);
    files["state.json"] = write_text(part / "state.json", content.state_json);
    files["config.yaml"] = write_text(part / "config.yaml", content.config_yaml);
    files["tokenizer.model"] = write_text(part / "tokenizer.model", content.tokenizer);
    const nlohmann::ordered_json manifest = {
        {"format", kFormat}, {"version", kFormatVersion}, {"torch", TORCH_VERSION}, {"files", files}};
    write_file_atomically(part / "manifest.json", manifest.dump(2) + "\n");
    Checkpoint verified(part);
    sync_directory(part);
    const bool replaces = fs::exists(directory, error);
    if (replaces) rename_directory(directory, old);
    rename_directory(part, directory);
    sync_directory(directory.parent_path());
    if (replaces) remove_quietly(old);
  } catch (...) {
    if (!fs::exists(directory, error) && fs::exists(old, error)) fs::rename(old, directory, error);
    remove_quietly(part);
    throw;
  }
}

Checkpoint::Checkpoint(const fs::path& directory) : directory_(directory) {
  std::error_code ignored;
  if (!fs::is_directory(directory, ignored)) reject(directory, "no checkpoint there");
  const fs::path manifest_path = directory / "manifest.json";
  if (!fs::exists(manifest_path, ignored)) reject(directory, "incomplete checkpoint (no manifest.json)");
  nlohmann::json manifest;
  try {
    manifest = nlohmann::json::parse(read_text_file(manifest_path, kMaxManifestBytes));
    if (manifest.at("format").get<std::string>() != kFormat)
      reject(manifest_path, "not a checkpoint's manifest");
    if (manifest.at("version").get<int>() != kFormatVersion) {
      reject(manifest_path, "expected format version " + std::to_string(kFormatVersion) + ", got " +
                                manifest.at("version").dump());
    }
    const nlohmann::json& files = manifest.at("files");
    if (files.size() != kFiles.size()) reject(manifest_path, "damaged manifest (list of files)");
    for (const char* name : kFiles) {
      const nlohmann::json& expected = files.at(name);
      const fs::path path = directory / name;
      const nlohmann::json got = describe_file(path);
      if (expected.at("bytes") != got.at("bytes")) {
        reject(path, "damaged (expected " + expected.at("bytes").dump() + " bytes, got " +
                         got.at("bytes").dump() + ")");
      }
      if (expected.at("xxh3") != got.at("xxh3"))
        reject(path, "damaged (its checksum differs from the manifest's)");
    }
  } catch (const nlohmann::json::exception&) {
    reject(manifest_path, "damaged manifest");
  } catch (const DataError& error) {
    throw CheckpointError(std::string(error.what()) + "; use another checkpoint of the run");
  }
}

std::string Checkpoint::read(const char* name) const {
  try {
    return read_text_file(directory_ / name, kMaxTextBytes);
  } catch (const DataError& error) {
    throw CheckpointError(error.what());
  }
}

}  // namespace mabert::train
