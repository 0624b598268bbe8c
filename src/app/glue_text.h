#pragma once

#include "glue_table.h"
#include "table_text.h"

#include <optional>
#include <span>
#include <string>
#include <vector>

namespace mabert::app {

/// "85.1 ± 0.4" (× 100), "85.1" without a deviation, "–" without a mean.
std::string percent_text(std::optional<double> mean, std::optional<double> deviation);
/// 0.0001 -> "1e-4"; the shortest text that is the same number.
std::string rate_text(double rate);
/// The shortest decimal text that reads back as the same number; "" when absent.
std::string exact_text(std::optional<double> value);

/// What a reader must know before the numbers: selection, weights, pretraining, seeds, learning rates,
/// training. One line each; what differs is named by task, by row, or both.
std::vector<std::string> glue_facts(std::span<const GlueRow> rows);

/// What a reader must know about single numbers: undefined metrics, other sets than the official ones.
std::vector<std::string> glue_notes(std::span<const GlueRow> rows);

/// The report as one Markdown page; and the confusion matrices, summed over seeds.
std::string glue_markdown(std::span<const GlueRow> rows);
std::string glue_confusion(std::span<const GlueRow> rows);
/// The same numbers unrounded.
std::string glue_json(std::span<const GlueRow> rows);
/// A line for each model × task × set × metric.
std::string glue_csv(std::span<const GlueRow> rows);

/// What keeps the rows from being complete and comparable; one line each, none when all is well.
std::vector<std::string> glue_problems(std::span<const GlueRow> rows);

}  // namespace mabert::app
