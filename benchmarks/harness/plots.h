#pragma once

#include "benchmarks/harness/record.h"

#include <string>
#include <vector>

#include "mabert/app/line_plot.h"

namespace mabert::bench {

/// A plot and the name of its file, made of what its records have in common.
struct RecordPlot {
  std::string file;
  app::LinePlot plot;
};

/// Two plots (time in ms, valid tokens per second) for each axis along which records were swept: length,
/// batch (sequences at one length) and padded fraction. Records in one plot share measure, path, dtype,
/// layout and channels and what else is not the axis; a series is a subject. Lines of other frameworks are
/// dashed, and without pads stand beside ours of the same batch whatever the layout; bars are the 10 and 90 %
/// quantiles. Series of fewer than two points are left out, and plots without series.
std::vector<RecordPlot> make_plots(const std::vector<Record>& records);

}  // namespace mabert::bench
