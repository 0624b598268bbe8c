#include "benchmarks/harness/outputs.h"

#include "benchmarks/harness/plots.h"

#include <array>
#include <charconv>
#include <exception>
#include <functional>
#include <unistd.h>

#include "mabert/core/error.h"
#include "mabert/core/files.h"

namespace mabert::bench {
namespace {

namespace fs = std::filesystem;

void check_plot_folder(const fs::path& folder) {
  const auto refuse = [&](const std::string& why) {
    throw UsageError("--plots: cannot write into '" + folder.string() + "': " + why);
  };
  if (folder.empty()) refuse("expected the name of a folder");
  if (fs::exists(folder) && !fs::is_directory(folder)) refuse("it is a file, expected a folder");
  const fs::path existing = fs::is_directory(folder)   ? folder
                            : folder.has_parent_path() ? folder.parent_path()
                                                       : fs::path(".");
  if (!fs::is_directory(existing)) refuse("make the folder '" + existing.string() + "' first");
  if (::access(existing.c_str(), W_OK) != 0)
    refuse("no permission in the folder '" + existing.string() + "'");
}

// RFC 4180: quoted when it must be, quotes doubled.
std::string csv_cell(const std::string& text) {
  if (text.find_first_of(",\"\r\n") == std::string::npos) return text;
  std::string quoted = "\"";
  for (const char c : text) {
    if (c == '"') quoted += '"';
    quoted += c;
  }
  return quoted + "\"";
}

std::string csv_number(double value) {
  std::array<char, 32> text;
  const auto result = std::to_chars(text.data(), text.data() + text.size(), value);
  return {text.data(), result.ptr};
}

// The cells of a record in the order of the columns.
std::vector<std::pair<std::string, std::string>> cells(const Record& record) {
  const auto optional = [](const std::optional<double>& value) { return value ? csv_number(*value) : ""; };
  // Zero: not known (records of other programs may lack them).
  const auto known = [](double value) { return value > 0 ? csv_number(value) : ""; };
  return {{"subject", record.subject},
          {"framework", record.framework},
          {"measure", record.measure},
          {"path", record.path},
          {"attention", record.attention},
          {"dtype", record.dtype},
          {"layout", record.layout},
          {"sequences", std::to_string(record.sequences)},
          {"length", std::to_string(record.length)},
          {"channels", record.channels > 0 ? std::to_string(record.channels) : ""},
          {"padded_fraction", csv_number(record.padded_fraction)},
          {"valid_tokens", std::to_string(record.valid_tokens)},
          {"p10_ms", csv_number(record.ms.p10)},
          {"p50_ms", csv_number(record.ms.p50)},
          {"p90_ms", csv_number(record.ms.p90)},
          {"p95_ms", known(record.ms.told_p95())},
          {"p99_ms", known(record.ms.told_p99())},
          {"mean_ms", known(record.ms.mean)},
          {"samples", std::to_string(record.ms.samples)},
          {"tokens_per_second", known(record.tokens_per_second())},
          {"peak_bytes", optional(record.peak_bytes)},
          {"tflop_per_second", optional(record.tflop_per_second)},
          {"gigabytes_per_second", optional(record.gigabytes_per_second)},
          {"matmul_share", optional(record.matmul_share)},
          {"bandwidth_share", optional(record.bandwidth_share)},
          {"note", record.note}};
}

std::string csv_line(const std::vector<std::string>& texts) {
  std::string line;
  for (std::size_t i = 0; i < texts.size(); ++i) line += (i > 0 ? "," : "") + csv_cell(texts[i]);
  return line + "\r\n";
}

}  // namespace

void check_output_paths(const OutputPaths& paths) {
  const std::array<std::pair<const char*, const std::optional<fs::path>*>, 4> all{
      {{"--json", &paths.json}, {"--jsonl", &paths.jsonl}, {"--csv", &paths.csv}, {"--plots", &paths.plots}}};
  for (std::size_t i = 0; i < all.size(); ++i) {
    const auto& [option, path] = all[i];
    if (!*path) continue;
    if (path == &paths.plots) {
      check_plot_folder(**path);
    } else {
      check_report_path(**path, option);
    }
    for (std::size_t k = 0; k < i; ++k) {
      const auto& [other, taken] = all[k];
      if (*taken && fs::weakly_canonical(**taken) == fs::weakly_canonical(**path)) {
        throw UsageError(std::string(option) + ": '" + (**path).string() + "' is already that of " + other);
      }
    }
  }
}

std::vector<fs::path> write_outputs(const OutputPaths& paths, const Json& header,
                                    const std::vector<Record>& records, const Json& more) {
  std::exception_ptr failure;
  const auto attempt = [&](const std::function<void()>& work) {
    try {
      work();
    } catch (...) {
      if (!failure) failure = std::current_exception();
    }
  };
  if (paths.json) {
    Json report = header;
    report.update(more);
    Json& list = report["records"] = Json::array();
    for (const Record& record : records) list.push_back(to_json(record));
    attempt([&] { write_report(*paths.json, report); });
  }
  if (paths.jsonl) attempt([&] { write_file_atomically(*paths.jsonl, to_json_lines(header, records)); });
  if (paths.csv) attempt([&] { write_file_atomically(*paths.csv, to_csv(records)); });
  std::vector<fs::path> files;
  const auto write_plots = [&] {
    std::error_code error;
    fs::create_directories(*paths.plots, error);
    if (error) throw DataError("--plots: cannot make '" + paths.plots->string() + "': " + error.message());
    for (const RecordPlot& plot : make_plots(records)) {
      files.push_back(*paths.plots / plot.file);
      write_file_atomically(files.back(), app::to_svg(plot.plot));
    }
  };
  if (paths.plots) attempt(write_plots);
  if (failure) std::rethrow_exception(failure);
  return files;
}

std::string to_json_lines(const Json& header, const std::vector<Record>& records) {
  std::string text = dump({{"header", header}}, -1) + "\n";
  for (const Record& record : records) text += dump(to_json(record), -1) + "\n";
  return text;
}

std::vector<std::string> csv_columns() {
  std::vector<std::string> names;
  for (const auto& [name, value] : cells({})) names.push_back(name);
  return names;
}

std::string to_csv(const std::vector<Record>& records) {
  std::string text = csv_line(csv_columns());
  for (const Record& record : records) {
    std::vector<std::string> values;
    for (auto& [name, value] : cells(record)) values.push_back(std::move(value));
    text += csv_line(values);
  }
  return text;
}

}  // namespace mabert::bench
