#include "benchmarks/sweep/run_sweep.h"

#include "benchmarks/harness/arguments.h"
#include "benchmarks/harness/report.h"
#include "benchmarks/harness/table.h"
#include "benchmarks/harness/text.h"
#include "benchmarks/ops/checks.h"
#include "benchmarks/ops/operator_run.h"
#include "benchmarks/sweep/merge.h"
#include "benchmarks/sweep/sweep_table.h"

#include <algorithm>
#include <cmath>
#include <functional>
#include <memory>
#include <optional>
#include <utility>

#include <ATen/Parallel.h>

#include "mabert/config/write.h"
#include "mabert/core/device.h"
#include "mabert/core/error.h"

namespace mabert::bench {
namespace {

class Sweep {
 public:
  Sweep(const SweepArguments& arguments, std::string command, std::ostream& log)
      : arguments_(arguments),
        command_(std::move(command)),
        options_(load_sweep(arguments.config, arguments.overrides)),
        progress_(log) {
    set_deterministic(options_.deterministic);
    if (options_.threads > 0) at::set_num_threads(static_cast<int>(options_.threads));
    place_ = parse_device(options_.device);
    for (const SweepDtype dtype : options_.dtypes) {
      const at::ScalarType found = resolve_dtype(dtype, place_);
      if (std::find(dtypes_.begin(), dtypes_.end(), found) == dtypes_.end()) dtypes_.push_back(found);
    }
    for (const auto& [name, model] : options_.models) {
      configs_.emplace(name, load_model_config(model.config, model.overrides));
    }
    check_output_paths(arguments.outputs);
    if (options_.peers) merge(*options_.peers);
    for (const std::filesystem::path& path : arguments.merge) merge(path);
    check_groups();
    if (arguments.from) take(*arguments.from);
    device_ = open_device(place_);
    for (const at::ScalarType dtype : dtypes_) {
      if (options_.operators.empty()) break;
      const DeviceFacts facts = device_->facts();
      check_sizes(operator_request(dtype), facts.memory_bytes, facts.name);
    }
  }

  void run(const ModelBuilder& build) {
    if (earlier_) return;
    operators_ = std::make_unique<OperatorRun>(operator_measure_options(place_, options_.samples), *device_,
                                               progress_.log());
    OperatorRun& operators = *operators_;
    ModelSweep models(options_, configs_, *device_, build, progress_);
    for (const at::ScalarType dtype : dtypes_) {
      limits_.emplace_back(dtype, measure_limits(*device_, dtype));
      progress_.line(describe(*device_, limits_.back().second) + " in " + dtype_name(dtype));
      for (const std::string& name : model_order()) {
        models.measure(name, dtype, limits_.back().second, results_);
        keep_going([&] { write(false); });
      }
      for (const OperatorBench& bench : all_operators()) {
        const auto& wanted = options_.operators;
        if (std::find(wanted.begin(), wanted.end(), bench.name) == wanted.end()) continue;
        operators.measure(bench, operator_request(dtype), limits_.back().second);
        keep_going([&] { write(false); });
      }
    }
    results_.check_failed |= operators.failed();
  }

  bool empty() const { return results_.records.empty() && !has_operators(); }

  void print(std::ostream& out) const {
    std::vector<Record> models = results_.records;
    models.insert(models.end(), merged_.begin(), merged_.end());
    if (!models.empty()) out << record_list(models);
    if (has_operators()) out << "\n" << operators_->table();
    const auto order = model_order();
    if (!order.empty()) {
      std::vector<std::string> baselines;
      for (const std::string& name : order) {
        if (options_.models.at(name).baseline) baselines.push_back(name);
      }
      const SweepTableSettings settings = make_table_settings(options_.subject, order, baselines,
                                                              options_.groups, models, options_.counterparts);
      snap_fractions(models);
      out << ratio_tables(models, settings) << padding_table(models, settings) << fit_table(models, settings);
    }
    print_missing(out);
    out << "\n";
    for (const std::string& note : results_.notes) out << "note: " << note << "\n";
    for (const std::string& line : merge_warnings(header(), merged_files_))
      out << "warning: " << line << "\n";
    const std::vector<std::string> strays = without_place(models);
    if (!strays.empty()) {
      out << "warning: " << strays.size()
          << " merged records stand in no table (other lengths, tokens, types "
          << "or batches than here), e.g. " << strays.front() << "\n";
    }
    out << (options_.deterministic ? "repeatable kernels only" : "kernels need not be repeatable")
        << "; latency is of the encoder's last hidden state\n";
  }

  bool failed() const { return results_.check_failed; }

  void write_last() { write(true); }

 private:
  bool has_operators() const { return operators_ && !operators_->empty(); }

  // What an earlier run measured, with its header, instead of measuring.
  void take(const std::filesystem::path& path) {
    RecordFile file = read_records(path);
    std::erase_if(file.records, [](const Record& record) { return record.framework != "mabert"; });
    if (file.records.empty())
      throw UsageError("--from: " + path.string() +
                       ": expected records of a sweep, got none of framework 'mabert'");
    results_.records = std::move(file.records);
    earlier_ = std::move(file.header);
  }

  void print_missing(std::ostream& out) const {
    std::vector<std::string> lines;
    if (earlier_ && earlier_->contains("not_measured")) {
      for (const Json& item : (*earlier_)["not_measured"]) {
        if (item.is_object() && item.contains("cell") && item.contains("reason"))
          lines.push_back(
              first_line(item["cell"].get<std::string>() + ": " + item["reason"].get<std::string>()));
      }
    }
    for (const SweepFailure& failure : results_.failures) {
      lines.push_back(describe_cell(failure.cell) + ": " + failure.reason);
    }
    for (const MergedFile& file : merged_files_) {
      for (const std::string& line : merged_failures(file)) lines.push_back(line);
    }
    if (!lines.empty()) out << "\nnot measured:\n";
    for (const std::string& line : lines) out << "- " << line << "\n";
  }

  // What a failed write of an unfinished run loses the next one has.
  void keep_going(const std::function<void()>& work) {
    try {
      work();
    } catch (const Error& error) {
      progress_.line("mabert_bench: " + first_line(error.what()));
    }
  }

  // Batches of whole sequences have nearly the fractions asked for, at each length another; a table has one.
  void snap_fractions(std::vector<Record>& records) const {
    for (Record& record : records) {
      const auto nearest = std::min_element(
          options_.padded_fractions.begin(), options_.padded_fractions.end(), [&](double a, double b) {
            return std::abs(a - record.padded_fraction) < std::abs(b - record.padded_fraction);
          });
      if (record.framework == "mabert" && record.padded_fraction > 0) record.padded_fraction = *nearest;
    }
  }

  // A member of another program must be in what was merged, if anything was.
  void check_groups() const {
    for (const auto& [name, members] : options_.groups) {
      for (const std::string& member : members) {
        if (merged_.empty() || options_.models.contains(member)) continue;
        const bool found = std::any_of(merged_.begin(), merged_.end(), [&](const Record& record) {
          return record.framework + "/" + record.subject == member;
        });
        if (!found) throw UsageError("groups." + name + ": '" + member + "' is in none of the merged files");
      }
    }
  }

  std::vector<std::string> model_order() const {
    std::vector<std::string> order;
    for (const auto& [name, model] : options_.models) order.push_back(name);
    std::stable_partition(order.begin(), order.end(),
                          [&](const std::string& name) { return name == options_.subject; });
    return order;
  }

  OpsRequest operator_request(at::ScalarType dtype) const {
    OpsRequest request;
    request.ops = options_.operators;
    request.device = place_;
    request.dtypes = {dtype};
    request.dtype = dtype;
    request.seed = options_.seed;
    for (const std::int64_t length : options_.lengths) {
      request.shapes.push_back({options_.tokens / length, length, options_.channels});
    }
    request.mixed_shapes = request.shapes;
    request.padded.clear();
    for (const double fraction : options_.padded_fractions) {
      if (fraction > 0) request.padded.push_back(fraction);
    }
    request.layouts = {"dense"};
    for (const data::BatchLayout layout : options_.layouts) {
      if (!request.padded.empty()) request.layouts.emplace_back(config::enum_name(layout));
    }
    return request;
  }

  void merge(const std::filesystem::path& path) {
    merged_files_.push_back(read_merged(path));
    const RecordFile& file = merged_files_.back().content;
    merged_.insert(merged_.end(), file.records.begin(), file.records.end());
  }

  Json header() const {
    if (earlier_) return *earlier_;
    Json header = report_header(*device_, limits_.front().second, command_);
    for (std::size_t i = 1; i < limits_.size(); ++i) {
      if (limits_[i].second.matmul_flops) {
        header["limits"]["matmul_tflop_per_second_" + dtype_name(limits_[i].first)] =
            *limits_[i].second.matmul_flops / 1e12;
      }
    }
    return header;
  }

  void write(bool last) {
    OutputPaths paths = arguments_.outputs;
    if (!last) paths.plots.reset();
    if (!paths.any()) return;
    std::vector<Record> records = results_.records;
    if (has_operators()) {
      const std::vector<Record> of_operators = operators_->records();
      records.insert(records.end(), of_operators.begin(), of_operators.end());
    }
    records.insert(records.end(), merged_.begin(), merged_.end());
    Json more = Json::object();
    for (const MergedFile& file : merged_files_) {
      more["merged"].push_back({{"file", file.name}, {"header", file.content.header}});
    }
    if (!earlier_) describe_run(more);
    const auto plots = write_outputs(paths, header(), records, more);
    if (paths.plots) {
      progress_.log() << plots.size() << " plots in " << paths.plots->string() << std::endl;
    }
  }

  void describe_run(Json& more) const {
    more["sweep"] = config::to_yaml(options_);
    more["seconds"] = progress_.seconds();
    Json& checks = more["checks"] = Json::array();
    for (const Check& check : results_.checks) {
      checks.push_back(to_json(check));
    }
    for (const Json& check : operators_->checks()) checks.push_back(check);
    Json& failures = more["not_measured"] = Json::array();
    for (const SweepFailure& failure : results_.failures) {
      failures.push_back({{"cell", describe_cell(failure.cell)}, {"reason", failure.reason}});
    }
    if (has_operators()) more["rows"] = operators_->rows();
  }

  const SweepArguments& arguments_;
  std::string command_;
  SweepOptions options_;
  Progress progress_;
  c10::Device place_{c10::kCPU};
  std::vector<at::ScalarType> dtypes_;
  std::map<std::string, app::RunConfig> configs_;
  std::vector<Record> merged_;
  std::vector<MergedFile> merged_files_;
  std::unique_ptr<OperatorRun> operators_;
  std::optional<Json> earlier_;  // header of the run that the records are from
  std::unique_ptr<BenchDevice> device_;
  std::vector<std::pair<at::ScalarType, Limits>> limits_;
  SweepResults results_;
};

}  // namespace

int run_sweep(const SweepArguments& arguments, const std::string& command, std::ostream& out,
              std::ostream& log, const ModelBuilder& build) {
  Sweep sweep(arguments, command, log);
  sweep.run(build);
  sweep.print(out);
  out << std::flush;
  sweep.write_last();
  if (sweep.empty())
    log << "mabert_bench: nothing was measured; see the reasons under 'not measured'" << std::endl;
  return sweep.failed() || sweep.empty() ? 1 : 0;
}

}  // namespace mabert::bench
