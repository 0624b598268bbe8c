#include "benchmarks/ops/checks.h"

#include <cmath>
#include <limits>

#include <ATen/TensorOperators.h>
#include <torch/csrc/autograd/autograd.h>

#include "mabert/core/error.h"

namespace mabert::bench {
namespace {

double relative_error(const at::Tensor& x, const at::Tensor& reference) {
  constexpr double kInfinite = std::numeric_limits<double>::infinity();
  if (!x.defined() || x.sizes() != reference.sizes()) return kInfinite;
  if (x.numel() == 0) return 0;
  const at::Tensor wide = x.detach().to(reference.device(), at::kDouble),
                   expected = reference.detach().to(at::kDouble);
  const double scale = expected.norm().item<double>() + 1e-30;
  const double error = (wide - expected).norm().item<double>() / scale;
  return std::isfinite(error) ? error : kInfinite;
}

}  // namespace

double tolerance(at::ScalarType dtype) {
  if (dtype == at::kBFloat16) return 1e-2;
  return dtype == at::kHalf ? 2e-3 : 1e-5;
}

std::vector<Check> compare(const std::string& what, const std::vector<NamedTensor>& results,
                           const std::vector<NamedTensor>& references, double tolerance) {
  if (results.size() != references.size()) throw UsageError("[check] " + what + ": lists differ in length");
  std::vector<Check> checks;
  for (std::size_t i = 0; i < results.size(); ++i) {
    checks.push_back(
        {what + ": " + results[i].name, relative_error(results[i].tensor, references[i].tensor), tolerance});
  }
  return checks;
}

Json to_json(const Check& check) {
  return {{"worst", check.what}, {"error", check.error}, {"tolerance", check.tolerance}};
}

Check worst(const std::vector<Check>& checks) {
  Check result{"nothing", 0, 1};
  for (const Check& check : checks) {
    if (!(check.error / check.tolerance <= result.error / result.tolerance)) result = check;
  }
  return result;
}

std::vector<NamedTensor> gradients(const at::Tensor& out, const at::Tensor& weight,
                                   const std::vector<NamedTensor>& leaves) {
  std::vector<at::Tensor> inputs;
  for (const NamedTensor& leaf : leaves) inputs.push_back(leaf.tensor);
  const std::vector<at::Tensor> found = torch::autograd::grad({out}, inputs, {weight.to(out.scalar_type())});
  std::vector<NamedTensor> named;
  for (std::size_t i = 0; i < leaves.size(); ++i) named.push_back({"d" + leaves[i].name, found[i]});
  return named;
}

}  // namespace mabert::bench
