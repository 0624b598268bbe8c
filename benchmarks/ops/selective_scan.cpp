#include "mabert/ops/selective_scan.h"

#include "benchmarks/ops/backward_call.h"
#include "benchmarks/ops/checks.h"
#include "benchmarks/ops/scalar_scan.h"
#include "benchmarks/ops/scan_inputs.h"
#include "benchmarks/ops/workload.h"
#include "support/references.h"

#include <algorithm>

#include <ATen/ops/randn.h>
#include <ATen/ops/randn_like.h>

namespace mabert::bench {
namespace {

// Model constants of the cost, stated in benchmarks/README.md. Each element (row, channel) needs N
// exponentials for the decays and 4 special functions for softplus and the gate; the instruction counts are
// those of the reference design that this work started from, by state and by element. The backward recomputes
// the decays.
constexpr double kOtherExps = 4;
constexpr double kForwardPerState = 5, kForwardPerElement = 49;
constexpr double kBackwardPerState = 14, kBackwardPerElement = 157;

// Against the definition in plain tensor operations, on the CPU.
std::vector<Check> check_small(const OpsRequest& request) {
  const std::vector<std::int64_t> lengths{1, 70, 0, 131, 33};
  const SequenceLayout layout = SequenceLayout::ragged(lengths);
  std::vector<Check> checks;
  for (const std::vector<bool>& reverse : {std::vector<bool>{false}, {false, true}}) {
    const ScanSpec spec{.channels = 96,
                        .reverse = reverse,
                        .gate = reverse.size() == 1,
                        .dtype = request.dtype,
                        .device = request.device,
                        .saved = saved_states(request)};
    const ops::ScanInputs in = random_scan(layout.rows(), spec, true);
    const ops::ScanInputs wide = widened_scan(in, c10::Device(c10::kCPU));
    const at::Tensor weight = at::randn({layout.rows(), spec.channels}, in.u.options().requires_grad(false));
    const at::Tensor out = ops::selective_scan(in, layout.to(request.device), spec.options()).out;
    const at::Tensor expected = testing::reference_scan(wide, layout, reverse).out;
    const std::vector<Check> more =
        compare(reverse.size() == 1 ? "small" : "small, both directions", scan_results(out, weight, in),
                scan_results(expected, weight.to(at::kCPU, at::kDouble), wide), tolerance(request.dtype));
    checks.insert(checks.end(), more.begin(), more.end());
  }
  return checks;
}

// Against the operator in float64 on the same device, at the size that is timed.
std::vector<Check> check_timed(const SequenceLayout& layout, const ScanSpec& spec) {
  const ops::ScanInputs in = random_scan(layout.rows(), spec, true);
  const ops::ScanInputs wide = widened_scan(in, spec.device);
  const at::Tensor weight = at::randn({layout.rows(), spec.channels}, in.u.options().requires_grad(false));
  return compare(
      "timed size", scan_results(ops::selective_scan(in, layout, spec.options()).out, weight, in),
      scan_results(ops::selective_scan(wide, layout, spec.options()).out, weight.to(at::kDouble), wide),
      tolerance(spec.dtype));
}

struct ScanWork {
  Cost forward, backward;
  std::int64_t forward_bytes, backward_bytes;
};

ScanWork work(const SequenceLayout& layout, const ScanSpec& spec) {
  const double elements = static_cast<double>(layout.num_valid() * spec.channels);
  const double item = static_cast<double>(c10::elementSize(spec.dtype));
  const double groups = static_cast<double>(spec.reverse.size());
  const double selected = static_cast<double>(layout.num_valid()) * groups * kScanStates * 2 * item;
  const double gate = spec.gate ? 1 : 0;
  ScanWork result;
  result.forward = {.bytes = elements * item * (3 + gate) + selected,
                    .exps = elements * (kScanStates + kOtherExps),
                    .instructions = elements * (kScanStates * kForwardPerState + kForwardPerElement),
                    .flops = 0};
  result.backward = {.bytes = elements * item * (5 + 2 * gate) + 2 * selected,
                     .exps = elements * (kScanStates + kOtherExps),
                     .instructions = elements * (kScanStates * kBackwardPerState + kBackwardPerElement),
                     .flops = 0};
  // Unused halves of z are not read, so they do not count for the caches.
  result.forward_bytes = static_cast<std::int64_t>(result.forward.bytes);
  result.backward_bytes = static_cast<std::int64_t>(result.backward.bytes);
  return result;
}

Pass forward_pass(const SequenceLayout& layout, const ScanSpec& spec, bool training) {
  const ScanWork cost = work(layout, spec);
  const auto prepare = [=](std::int64_t sets) -> Call {
    std::vector<ops::ScanInputs> inputs;
    for (std::int64_t i = 0; i < sets; ++i) inputs.push_back(random_scan(layout.rows(), spec, training));
    return [=](std::int64_t set) -> Outputs {
      return {ops::selective_scan(inputs[static_cast<std::size_t>(set)], layout, spec.options()).out};
    };
  };
  return {training ? "forward, saving" : "forward", cost.forward, cost.forward_bytes, prepare};
}

Pass backward_pass(const SequenceLayout& layout, const ScanSpec& spec) {
  const ScanWork cost = work(layout, spec);
  const auto prepare = [=](std::int64_t sets) -> Call {
    std::vector<BackwardCall> calls;
    std::vector<at::Tensor> grads;
    for (std::int64_t i = 0; i < sets; ++i) {
      const ops::ScanInputs in = random_scan(layout.rows(), spec, true);
      calls.emplace_back(ops::selective_scan(in, layout, spec.options()).out);
      grads.push_back(at::randn_like(in.u.detach()));
    }
    return [=](std::int64_t set) {
      return calls[static_cast<std::size_t>(set)](grads[static_cast<std::size_t>(set)]);
    };
  };
  return {"backward", cost.backward, cost.backward_bytes, prepare};
}

Workload workload(const Batch& batch, const ScanSpec& spec, const OpsRequest& request) {
  Workload result;
  result.op = "selective_scan";
  result.layout = batch.name;
  result.shape = {batch.shape.sequences, batch.shape.length, spec.channels};
  result.rows = batch.rows();
  result.valid_rows = batch.layout.num_valid();
  result.groups = static_cast<std::int64_t>(spec.reverse.size());
  result.dtype = spec.dtype;
  if (!request.quick_check) result.check = [=] { return check_timed(batch.layout, spec); };
  result.passes = {forward_pass(batch.layout, spec, false), forward_pass(batch.layout, spec, true),
                   backward_pass(batch.layout, spec)};
  return result;
}

// Both directions at once beside one, without gate, which a bidirectional layer applies to their sum.
void add_bidirectional(std::vector<Workload>& all, const OpsRequest& request) {
  std::vector<Shape> shapes = request.shapes;
  std::erase_if(shapes,
                [](const Shape& s) { return s.sequences != 32 && s.sequences != 1 && s.sequences != 8; });
  if (request.device.is_cuda()) std::erase_if(shapes, [](const Shape& s) { return s.sequences == 8; });
  for (const Shape& shape : shapes) {
    const std::vector<std::int64_t> lengths(static_cast<std::size_t>(shape.sequences), shape.length);
    const SequenceLayout layout = SequenceLayout::ragged(lengths).to(request.device);
    const ScanSpec one{.channels = shape.channels,
                       .reverse = {false},
                       .gate = false,
                       .dtype = request.dtype,
                       .device = request.device,
                       .saved = saved_states(request)};
    ScanSpec two = one;
    two.channels *= 2;
    two.reverse = {false, true};
    all.push_back(workload({"one direction", shape, layout}, one, request));
    all.push_back(workload({"both directions", shape, layout}, two, request));
    all.back().baseline = all[all.size() - 2].key();
  }
}

// The obvious loop beside the operator, on the CPU.
void add_scalar_loop(std::vector<Workload>& all, const OpsRequest& request) {
  if (request.device.is_cuda() || request.dtype != at::kFloat) return;
  for (const Shape& shape : request.shapes) {
    const std::vector<std::int64_t> lengths(static_cast<std::size_t>(shape.sequences), shape.length);
    const SequenceLayout layout = SequenceLayout::ragged(lengths);
    const ScanSpec spec{.channels = shape.channels};
    Workload result = workload({"scalar loop", shape, layout}, spec, request);
    result.baseline = "dense " + to_string(shape);
    result.check = [=] {
      const ScanSpec small{.channels = 24};
      const SequenceLayout batch = SequenceLayout::ragged(std::vector<std::int64_t>{57, 57});
      const ops::ScanInputs in = random_scan(batch.rows(), small, false);
      const at::Tensor grad = at::randn_like(in.u);
      const ops::ScanInputs wide = widened_scan(in, c10::Device(c10::kCPU));
      const at::Tensor expected = ops::selective_scan(wide, batch).out;
      std::vector<NamedTensor> found{{"out", scalar_scan_forward(in, 2)}};
      for (NamedTensor& gradient : scalar_scan_backward(in, grad, 2)) found.push_back(std::move(gradient));
      return compare("scalar loop", found, scan_results(expected, grad, wide), 1e-5);
    };
    const std::int64_t sequences = shape.sequences;
    const auto forward = [=](std::int64_t sets) -> Call {
      std::vector<ops::ScanInputs> inputs;
      for (std::int64_t i = 0; i < sets; ++i) inputs.push_back(random_scan(layout.rows(), spec, false));
      return [=](std::int64_t set) -> Outputs {
        return {scalar_scan_forward(inputs[static_cast<std::size_t>(set)], sequences)};
      };
    };
    const auto backward = [=](std::int64_t sets) -> Call {
      std::vector<ops::ScanInputs> inputs;
      std::vector<at::Tensor> grads;
      for (std::int64_t i = 0; i < sets; ++i) {
        inputs.push_back(random_scan(layout.rows(), spec, false));
        grads.push_back(at::randn_like(inputs.back().u));
      }
      return [=](std::int64_t set) {
        const auto at = static_cast<std::size_t>(set);
        Outputs outputs;
        for (NamedTensor& gradient : scalar_scan_backward(inputs[at], grads[at], sequences)) {
          outputs.push_back(std::move(gradient.tensor));
        }
        return outputs;
      };
    };
    result.passes[0].prepare = forward;
    result.passes[2].prepare = backward;
    result.passes.erase(result.passes.begin() + 1);
    all.push_back(std::move(result));
  }
}

std::vector<Workload> workloads(const OpsRequest& request) {
  std::vector<Workload> all;
  for (const Batch& batch : make_batches(request)) {
    const ScanSpec spec{.channels = batch.shape.channels,
                        .dtype = request.dtype,
                        .device = request.device,
                        .saved = saved_states(request)};
    all.push_back(workload(batch, spec, request));
    all.back().baseline = batch.baseline;
  }
  const auto wants = [&](const char* name) {
    return std::find(request.layouts.begin(), request.layouts.end(), name) != request.layouts.end();
  };
  if (wants("bidirectional")) add_bidirectional(all, request);
  if (wants("dense")) add_scalar_loop(all, request);
  return all;
}

}  // namespace

OperatorBench selective_scan_bench() { return {"selective_scan", check_small, workloads}; }

}  // namespace mabert::bench
