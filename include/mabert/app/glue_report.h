#pragma once

#include <filesystem>
#include <iosfwd>
#include <optional>
#include <vector>

namespace mabert::app {

struct GlueReportArguments {
  std::vector<std::filesystem::path>
      folders;                     ///< that tools/glue.sh wrote: cola/, sst-2/, …, each with result.json
  bool json = false, csv = false;  ///< instead of Markdown
  std::optional<std::filesystem::path> out;  ///< folder for all forms, the confusion matrices and submissions
  bool confusion = false;                    ///< also the confusion matrices
  bool check = false;                        ///< exit code 4 unless the table is complete and like with like
};

/// `mabert report glue DIR…`: one table of all folders, mean ± standard deviation over seeds, to `out`;
/// warnings to stderr. Errors: UsageError; DataError (no results, damaged or foreign ones); DiskFullError.
/// Source: scores and average of Wang et al. 2019, "GLUE", section 3 (WNLI and AX are shown, but not
/// averaged).
int run_report_glue(const GlueReportArguments& arguments, std::ostream& out);

}  // namespace mabert::app
