#include "benchmarks/sweep/merge.h"

#include "benchmarks/compare/compare.h"
#include "benchmarks/harness/text.h"

#include <algorithm>

#include "mabert/core/error.h"

namespace mabert::bench {
namespace {

// A text or a number as it is, on one line; empty if it is not there.
std::string field(const Json& json, const char* name) {
  if (!json.is_object() || !json.contains(name)) return "";
  return first_line(json[name].is_string() ? json[name].get<std::string>() : dump(json[name], -1));
}

// Headers of different programs name torch differently: "libtorch": "2.11.0", "torch": "2.11.0+cu130".
Json comparable(const Json& header) {
  Json result = Json::object();
  for (const char* name : {"device", "driver"}) {
    const std::string found = field(header, name);
    if (!found.empty()) result[name] = found;
  }
  if (!header.is_object() || !header.contains("versions")) return result;
  std::string torch = field(header["versions"], "libtorch");
  if (torch.empty()) torch = field(header["versions"], "torch");
  if (!torch.empty()) result["versions"] = {{"torch", torch.substr(0, torch.find('+'))}};
  return result;
}

}  // namespace

MergedFile read_merged(const std::filesystem::path& path) {
  MergedFile file{path.filename().string(), read_records(path)};
  for (std::size_t i = 0; i < file.content.records.size(); ++i) {
    if (file.content.records[i].framework != "mabert") continue;
    throw UsageError("--merge: " + path.string() + ": expected records of another program, got records[" +
                     std::to_string(i) + "] of framework 'mabert'; use `compare` for two runs of this one");
  }
  return file;
}

std::vector<std::string> merge_warnings(const Json& header, const std::vector<MergedFile>& merged) {
  std::vector<std::string> lines;
  const auto add = [&](const Json& a, const std::string& name, const MergedFile& b) {
    for (const Difference& difference : header_differences(comparable(a), comparable(b.content.header))) {
      lines.push_back(difference.field + " differs: " + name + " " + difference.a + ", " + b.name + " " +
                      difference.b);
    }
  };
  for (std::size_t i = 0; i < merged.size(); ++i) {
    add(header, "here", merged[i]);
    for (std::size_t k = 0; k < i; ++k) add(merged[k].content.header, merged[k].name, merged[i]);
  }
  return lines;
}

std::vector<std::string> merged_failures(const MergedFile& merged) {
  std::vector<std::string> lines;
  const Json& header = merged.content.header;
  if (!header.is_object() || !header.contains("not_measured") || !header["not_measured"].is_array())
    return lines;
  for (const Json& entry : header["not_measured"]) {
    const std::string framework = field(entry, "framework");
    lines.push_back(join({field(entry, "subject"), framework.empty() ? "" : "(" + framework + ")",
                          field(entry, "sequences"), "x", field(entry, "length"), field(entry, "dtype"),
                          field(entry, "layout"), field(entry, "measure"), field(entry, "path"),
                          field(entry, "attention")},
                         " ") +
                    ": " + field(entry, "reason"));
  }
  return lines;
}

}  // namespace mabert::bench
