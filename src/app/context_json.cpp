#include "context_text.h"

#include <cmath>

#include <nlohmann/json.hpp>

namespace mabert::app {
namespace {

using Json = nlohmann::ordered_json;

Json to_json(const train::Estimate& estimate) {
  Json json{{"mean", estimate.mean}};
  if (!estimate.standard_error) return json;
  json["standard_error"] = *estimate.standard_error;
  json["low"] = estimate.mean - train::kInterval95 * *estimate.standard_error;
  json["high"] = estimate.mean + train::kInterval95 * *estimate.standard_error;
  return json;
}

Json results_json(const ContextReport& report, const ContextRow& row) {
  Json all = Json::array();
  for (std::size_t i = 0; i < row.results.size(); ++i) {
    const train::ContextResult& result = row.results[i];
    Json json{{"length", result.length},
              {"loss", result.loss()},
              {"perplexity", std::exp(result.loss())},
              {"masked_accuracy", result.accuracy()}};
    if (i > 0) json["difference_to_shortest"] = to_json(train::paired_difference(row.results[0], result));
    if (&row != &report.rows.front()) {
      json["difference_to_first_model"] =
          to_json(train::paired_difference(report.rows.front().results[i], result));
    }
    all.push_back(std::move(json));
  }
  return all;
}

Json row_json(const ContextReport& report, const ContextRow& row) {
  Json json{{"name", row.name},
            {"run", row.run},
            {"checkpoint", row.checkpoint},
            {"positions", row.positions},
            {"positions_grown", row.is_grown},
            {"precision", row.precision},
            {"results", results_json(report, row)}};
  const auto rise = train::find_rise(row.results);
  json["rises"] = report.documents > 1 ? Json(rise && rise->is_significant()) : Json();  // null: not known
  if (rise) {
    json["largest_rise"] = Json{{"from", row.results[rise->shorter].length},
                                {"to", row.results[rise->longer].length},
                                {"difference", to_json(rise->difference)}};
  }
  json["verdict"] = verdict(row);
  return json;
}

}  // namespace

Json context_json(const ContextReport& report) {
  const data::ContextWindowOptions& options = report.options;
  Json json{{"shards", report.shards},
            {"shards_fingerprint", report.fingerprint},
            {"device", report.device},
            {"lengths", options.lengths},
            {"window", options.window},
            {"windows", report.windows},
            {"windows_available", report.available},
            {"documents", report.documents},
            {"standard_errors", "clustered by document"},
            {"rise_threshold", train::rise_threshold(train::compared_pairs(options.lengths.size()))},
            {"compared_pairs", train::compared_pairs(options.lengths.size())},
            {"predicted_in_window", report.predicted},
            {"predicted", report.predicted * report.windows},
            {"seed", options.seed},
            {"masking",
             {{"rate", options.masking.rate},
              {"mask_fraction", options.masking.mask_fraction},
              {"random_fraction", options.masking.random_fraction}}},
            {"models", Json::array()}};
  for (const ContextRow& row : report.rows) json["models"].push_back(row_json(report, row));
  return json;
}

}  // namespace mabert::app
