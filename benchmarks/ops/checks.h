#pragma once

#include "benchmarks/harness/report.h"
#include "benchmarks/ops/workload.h"

#include <string>
#include <vector>

#include <ATen/core/Tensor.h>

namespace mabert::bench {

struct NamedTensor {
  std::string name;
  at::Tensor tensor;
};

/// Relative L2 error allowed against float64: what rounding the result to the dtype costs, and a margin.
double tolerance(at::ScalarType dtype);

/// Relative L2 distance of each pair by name; a missing or non-finite result is infinitely far.
std::vector<Check> compare(const std::string& what, const std::vector<NamedTensor>& results,
                           const std::vector<NamedTensor>& references, double tolerance);

/// {"worst", "error", "tolerance"}
Json to_json(const Check& check);

/// The largest error in relation to its tolerance; an empty list passes with 0.
Check worst(const std::vector<Check>& checks);

/// Sum of gradients of Σ out · weight with respect to the leaves, named as they are.
std::vector<NamedTensor> gradients(const at::Tensor& out, const at::Tensor& weight,
                                   const std::vector<NamedTensor>& leaves);

}  // namespace mabert::bench
