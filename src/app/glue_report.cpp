#include "mabert/app/glue_report.h"

#include "glue_text.h"
#include "row_names.h"

#include <iostream>
#include <set>

#include "mabert/core/error.h"
#include "mabert/core/files.h"

namespace mabert::app {
namespace {

namespace fs = std::filesystem;

constexpr std::uint64_t kMaxSubmissionBytes = std::uint64_t{1} << 30;

std::vector<GlueRow> read_rows(const std::vector<fs::path>& folders) {
  if (folders.empty()) throw UsageError("expected a folder that tools/glue.sh wrote; see --help");
  const std::vector<std::string> names = row_names(folders);
  std::vector<GlueRow> rows;
  bool any = false;
  for (std::size_t i = 0; i < folders.size(); ++i) {
    rows.push_back(read_glue_row(folders[i], names[i]));
    any = any || !rows.back().tasks.empty();
    for (const std::string& task : rows.back().unfinished) {
      std::cerr << "mabert: warning: " << (folders[i] / task).string()
                << ": unfinished (no result.json); run tools/glue.sh again to finish it\n";
    }
  }
  if (!any) {
    throw DataError(folders[0].string() +
                    ": no task is finished; run tools/glue.sh again, it goes on where it stopped");
  }
  return rows;
}

void create_folder(const fs::path& folder) {
  std::error_code error;
  fs::create_directories(folder, error);
  if (error) throw DataError(folder.string() + ": cannot create: " + error.message());
}

/// Copies the submission files of each task's first seed. Returns what to say about them.
std::string copy_submissions(const GlueRow& row, const fs::path& out) {
  std::string folder_name = row.name;
  for (char& c : folder_name) c = c == '/' ? '-' : c;
  const fs::path target = out / "submission" / folder_name;
  std::set<std::string> copied;
  std::set<std::uint64_t> seeds;
  for (const auto& [name, task] : row.tasks) {
    const GlueSeedResult& first = task.result.seeds.front();
    for (const fs::path& path : first.submissions) {
      const fs::path source = task.result.folder / path;
      const std::string file = path.filename().string();
      std::error_code error;
      if (!fs::is_regular_file(source, error)) {
        std::cerr << "mabert: warning: " << source.string()
                  << ": result.json names it, but it is not there\n";
        continue;
      }
      if (!copied.insert(file).second) {
        throw DataError(source.string() + ": two tasks of " + row.folder.string() + " have a submission " +
                        file);
      }
      create_folder(target);
      write_file_atomically(target / file, read_text_file(source, kMaxSubmissionBytes));
      seeds.insert(first.seed);
    }
  }
  if (copied.empty()) return row.name + ": no submission files (no unlabelled test sets)";
  std::vector<std::string> numbers;
  for (const std::uint64_t seed : seeds) numbers.push_back(std::to_string(seed));
  return row.name + ": " + std::to_string(copied.size()) + " submission files of seed " +
         join(numbers, ", ") + " (each task's first, not its best) in " +
         (fs::path("submission") / folder_name).string();
}

void write_report(const std::vector<GlueRow>& rows, const fs::path& out) {
  create_folder(out);
  std::string markdown = glue_markdown(rows) + "\n";
  for (const GlueRow& row : rows) markdown += "- " + cell_text(copy_submissions(row, out)) + "\n";
  write_file_atomically(out / "glue.json", glue_json(rows));
  write_file_atomically(out / "glue.csv", glue_csv(rows));
  write_file_atomically(out / "confusion.md", glue_confusion(rows));
  write_file_atomically(out / "glue.md", markdown);
  std::cerr << "wrote glue.md, glue.json, glue.csv and confusion.md to " << out.string() << '\n';
}

}  // namespace

int run_report_glue(const GlueReportArguments& arguments, std::ostream& out) {
  if (arguments.json && arguments.csv) throw UsageError("--json and --csv: give one of them");
  if (arguments.confusion && (arguments.json || arguments.csv))
    throw UsageError("--confusion: the matrices are Markdown; --json has them anyway, --csv has none");
  const std::vector<GlueRow> rows = read_rows(arguments.folders);
  if (arguments.out) write_report(rows, *arguments.out);
  out << (arguments.json ? glue_json(rows) : arguments.csv ? glue_csv(rows) : glue_markdown(rows));
  if (arguments.confusion) out << '\n' << glue_confusion(rows);
  if (!arguments.check) return 0;
  const std::vector<std::string> problems = glue_problems(rows);
  for (const std::string& problem : problems) std::cerr << "mabert: check: " << problem << '\n';
  return problems.empty() ? 0 : static_cast<int>(ExitCode::no_checkpoint);
}

}  // namespace mabert::app
