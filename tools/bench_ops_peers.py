#!/usr/bin/env python3
"""Times the public CUDA kernels of Mamba beside `mabert_bench ops`, on the same shapes and with the same method.

  bench_ops_peers.py --json peers.json                     # needs a GPU, mamba_ssm and causal_conv1d
  bench_ops_peers.py --json peers.json --merge ours.json   # the same, then the table of ratios
  bench_ops_peers.py --from peers.json --merge ours.json   # only the table; needs no GPU

ours.json is what `mabert_bench ops --json ours.json` wrote, best in the same run of the machine.
Method: benchmarks/README.md. The packages want channels first, (S, E, L), and get their inputs so: nothing is transposed.
"""
import argparse
import json
import math
import statistics
import sys

STATES = 16
ROTATING_BYTES, SAMPLE_MS, MOST_SETS, MOST_CALLS = 400e6, 4.0, 64, 200
SHAPES = "32x512x1536,64x512x1536,16x1024x1536,8x4096x1536,1x512x1536,1x4096x1536"


def quantile(values, q):
    values = sorted(values)
    place = q * (len(values) - 1)
    below = int(place)
    above = min(below + 1, len(values) - 1)
    return values[below] + (place - below) * (values[above] - values[below])


def summary(values):
    return {"median": statistics.median(values), "p10": quantile(values, 0.1), "p90": quantile(values, 0.9),
            "samples": len(values)}


class Bench:
    """Median time of calls that rotate over buffer sets, from the host and replayed from a CUDA graph."""

    def __init__(self, torch, samples):
        self.torch, self.samples = torch, samples

    def time(self, work):
        begin, end = (self.torch.cuda.Event(enable_timing=True) for _ in range(2))
        begin.record()
        work()
        end.record()
        end.synchronize()
        return begin.elapsed_time(end)

    def measure(self, bytes_per_set, make, call):
        """make() returns a buffer set, call(set) what must stay alive until the set is used again."""
        torch = self.torch
        sets = min(max(math.ceil(ROTATING_BYTES / bytes_per_set), 2), MOST_SETS)
        buffers = [make() for _ in range(sets)]
        kept = [None] * sets

        def run(calls):
            for i in range(calls):
                kept[i % sets] = None
                kept[i % sets] = call(buffers[i % sets])

        run(sets)
        torch.cuda.synchronize()
        estimate = self.time(lambda: run(sets)) / sets
        calls = math.ceil(min(max(math.ceil(SAMPLE_MS / max(estimate, 1e-6)), 1), MOST_CALLS) / sets) * sets

        def sample(work):
            work()
            return summary([self.time(work) / calls for _ in range(self.samples)])

        result = {"call_ms": sample(lambda: run(calls))}
        for i in range(sets):
            kept[i] = None
        try:
            graph = torch.cuda.CUDAGraph()
            torch.cuda.synchronize()
            with torch.cuda.graph(graph):
                run(calls)
            result["graph_ms"] = sample(graph.replay)
            torch.cuda.synchronize()
        except RuntimeError as error:
            result["no_graph"] = str(error).splitlines()[0]
        for i in range(sets):
            kept[i] = None
        result.update(sets=sets, calls_per_sample=calls)
        return result


def relative_error(x, reference):
    return ((x.double() - reference.double()).norm() / (reference.double().norm() + 1e-30)).item()


def require(name, errors, tolerance):
    worst = max(errors)
    if not worst <= tolerance:
        sys.exit(f"bench_ops_peers: {name}: relative error {worst:.3g} against its own reference, expected at most "
                 f"{tolerance}; not timed")


def step_bias(torch, channels):
    step = torch.exp(torch.rand(channels, device="cuda") * (math.log(0.1) - math.log(0.001)) + math.log(0.001))
    return step + torch.log(-torch.expm1(-step))


def scan_inputs(torch, sequences, length, channels, gradients):
    def values(*shape):
        return torch.randn(*shape, device="cuda", dtype=torch.bfloat16)

    inputs = {
        "u": values(sequences, channels, length), "delta": values(sequences, channels, length),
        "A": -torch.arange(1, STATES + 1, device="cuda", dtype=torch.float32).repeat(channels, 1),
        "B": values(sequences, 1, STATES, length), "C": values(sequences, 1, STATES, length),
        "D": torch.randn(channels, device="cuda"), "z": values(sequences, channels, length),
        "delta_bias": step_bias(torch, channels),
    }
    return {name: x.requires_grad_(gradients) for name, x in inputs.items()}


def check_scan(torch, scan, reference):
    inputs = scan_inputs(torch, 2, 700, 64, True)
    weight = torch.randn(2, 64, 700, device="cuda")
    wide = {name: x.detach().float().requires_grad_(True) for name, x in inputs.items()}
    out = scan(**inputs, delta_softplus=True)
    expected = reference(**wide, delta_softplus=True)
    found = torch.autograd.grad(out, list(inputs.values()), weight.to(out.dtype))
    grads = torch.autograd.grad(expected, list(wide.values()), weight.to(out.dtype).float())
    require("selective_scan", [relative_error(out, expected)] + [relative_error(a, b) for a, b in zip(found, grads)], 1e-2)


def bench_scan(torch, bench, shapes, ragged):
    from mamba_ssm.ops.selective_scan_interface import selective_scan_fn, selective_scan_ref
    check_scan(torch, selective_scan_fn, selective_scan_ref)
    for batch, (sequences, length, channels), valid in batches(shapes, ragged):
        element = sequences * length * channels * 2
        selected = sequences * length * STATES * 2 * 2

        def forward(inputs):
            return selective_scan_fn(**inputs, delta_softplus=True)

        def make_backward():
            out = forward(scan_inputs(torch, sequences, length, channels, True))
            return out, torch.randn_like(out)

        # Its forward always saves what the backward needs.
        yield row("selective_scan", "forward, saving", batch, (sequences, length, channels), valid,
                  bench.measure(element * 4 + selected, lambda: scan_inputs(torch, sequences, length, channels, False),
                                forward))
        yield row("selective_scan", "backward", batch, (sequences, length, channels), valid,
                  bench.measure(element * 7 + 2 * selected, make_backward, backward_call(torch)))
        torch.cuda.empty_cache()


def bench_conv(torch, bench, shapes, ragged):
    from causal_conv1d import causal_conv1d_fn
    from causal_conv1d.causal_conv1d_interface import causal_conv1d_ref

    def inputs(sequences, length, channels, gradients):
        return (torch.randn(sequences, channels, length, device="cuda", dtype=torch.bfloat16).requires_grad_(gradients),
                (torch.randn(channels, 4, device="cuda") * 0.5).requires_grad_(gradients),
                (torch.randn(channels, device="cuda") * 0.5).requires_grad_(gradients))

    x, weight, bias = inputs(2, 700, 64, False)
    require("causal_conv1d", [relative_error(causal_conv1d_fn(x, weight, bias, activation="silu"),
                                             causal_conv1d_ref(x.float(), weight, bias, activation="silu"))], 1e-2)
    for batch, (sequences, length, channels), valid in batches(shapes, ragged):
        element = sequences * length * channels * 2

        def make_backward():
            out = causal_conv1d_fn(*inputs(sequences, length, channels, True), activation="silu")
            return out, torch.randn_like(out)

        yield row("causal_conv1d", "forward", batch, (sequences, length, channels), valid,
                  bench.measure(element * 2, lambda: inputs(sequences, length, channels, False),
                                lambda item: causal_conv1d_fn(*item, activation="silu")))
        yield row("causal_conv1d", "backward", batch, (sequences, length, channels), valid,
                  bench.measure(element * 3, make_backward, backward_call(torch)))
        torch.cuda.empty_cache()


def bench_layer(torch, bench, shapes, ragged):
    from mamba_ssm.modules.mamba_simple import Mamba
    for batch, (sequences, length, channels), valid in batches(shapes, ragged):
        width = channels // 2
        mixer = Mamba(d_model=width, d_state=STATES, d_conv=4, expand=2).cuda()
        parameters = list(mixer.parameters())
        weight = torch.randn(sequences, length, width, device="cuda", dtype=torch.bfloat16)

        def inputs(gradients):
            return torch.randn(sequences, length, width, device="cuda", dtype=torch.bfloat16).requires_grad_(gradients)

        def forward(x):
            with torch.autocast("cuda", torch.bfloat16, cache_enabled=False):
                return mixer(x)

        def forward_only(x):
            with torch.no_grad():
                return forward(x)

        bytes_per_set = sequences * length * width * 2 * 8
        shape = (sequences, length, channels)
        yield row("mamba_layer", "forward", batch, shape, valid,
                  bench.measure(bytes_per_set, lambda: inputs(False), forward_only))
        yield row("mamba_layer", "forward + backward", batch, shape, valid,
                  bench.measure(bytes_per_set, lambda: inputs(True),
                                lambda x: torch.autograd.grad(forward(x), parameters + [x], weight)))
        torch.cuda.empty_cache()


def backward_call(torch):
    """The operator's backward as autograd calls it, without the engine around it."""
    def call(item):
        out, grad = item  # the output keeps its node's saved tensors alive
        with torch.no_grad():
            return out.grad_fn.apply(grad)
    return call


def batches(shapes, ragged):
    for shape in shapes:
        yield "dense", shape, shape[0] * shape[1]
    if ragged:  # no variable length here: every sequence is padded to the longest
        shape, valid = ragged
        yield "ragged", shape, valid


def row(op, which, batch, shape, valid, measured):
    time = measured.get("graph_ms", measured["call_ms"])["median"]
    print(f"  {op} {batch} {'x'.join(map(str, shape))} {which} {time:.4g} ms", file=sys.stderr, flush=True)
    return {"op": op, "pass": which, "batch": batch, "shape": list(shape), "rows": shape[0] * shape[1],
            "valid_rows": valid, "dtype": "bf16", **measured, "ns_per_valid_row": time * 1e6 / valid}


def import_torch():
    try:
        import torch
    except ImportError as error:
        sys.exit(f"bench_ops_peers: {error}; the public packages need PyTorch")
    if not torch.cuda.is_available():
        sys.exit("bench_ops_peers: PyTorch sees no CUDA device; use --from FILE to print an earlier run")
    return torch


def run(arguments, ours):
    torch = import_torch()
    # Two packages with their own version each; a missing one is said, not hidden.
    found, missing = {}, []
    for package in ("mamba_ssm", "causal_conv1d"):
        try:
            module = __import__(package)
            found[package] = getattr(module, "__version__", "unknown")
        except Exception as error:  # a package built for another PyTorch fails in its own ways
            missing.append(f"{package}: {type(error).__name__}: {error}")
    for line in missing:
        print(f"bench_ops_peers: not importable, its rows are left out: {line}", file=sys.stderr)
    if not found:
        sys.exit(3)
    shapes = [tuple(int(n) for n in text.split("x")) for text in arguments.shapes.split(",")]
    ragged = None
    for r in ours["rows"] if ours else []:
        if r["batch"] == "ragged" and r["op"] == "selective_scan":
            ragged = (tuple(r["shape"]), r["valid_rows"])
    if ragged is None:
        ragged = ((62, 512, shapes[0][2]), 16384)
    names = arguments.ops.split(",")
    benches = {"selective_scan": (bench_scan, ["mamba_ssm"]), "causal_conv1d": (bench_conv, ["causal_conv1d"]),
               "mamba_layer": (bench_layer, ["mamba_ssm", "causal_conv1d"])}
    unknown = [name for name in names if name not in benches]
    if unknown:
        print(f"bench_ops_peers: --ops: expected {', '.join(benches)}, got '{unknown[0]}'", file=sys.stderr)
        sys.exit(2)
    bench, rows = Bench(torch, arguments.samples), []
    for name in names:
        function, needs = benches[name]
        if any(package not in found for package in needs):
            continue
        try:
            for item in function(torch, bench, shapes, ragged):
                rows.append(item)
        except Exception as error:  # the other operators' rows are worth having
            print(f"bench_ops_peers: {name}: {type(error).__name__}: {error}; its other rows are left out", file=sys.stderr)
    return {"device": torch.cuda.get_device_name(), "versions": {"torch": torch.__version__, **found},
            "command": " ".join(sys.argv), "rows": rows}


def merge(ours, peers):
    """Rows with (ours, theirs) medians in ms: graph where both have it, else call."""
    theirs = {(r["op"], r["pass"], r["batch"], tuple(r["shape"])): r for r in peers["rows"]}
    table = []
    for r in ours["rows"]:
        which = "forward, saving" if r["op"] == "selective_scan" and r["pass"] == "forward" else r["pass"]
        other = theirs.get((r["op"], which, r["batch"], tuple(r["shape"])))
        if other is None:
            continue
        cells = [r["op"], r["batch"], "x".join(map(str, r["shape"])), r["pass"]]
        for kind in ("graph_ms", "call_ms"):
            if kind in r and kind in other:
                a, b = r[kind]["median"], other[kind]["median"]
                cells += [f"{a:.4f}", f"{b:.4f}", f"{b / a:.2f}x"]
            else:
                cells += ["-", "-", "-"]
        table.append(cells)
    return table


def print_table(table):
    header = ["operator", "batch", "S x L x E", "pass", "graph ms", "public", "ratio", "call ms", "public", "ratio"]
    rows = [header] + table
    widths = [max(len(cells[i]) for cells in rows) for i in range(len(header))]
    for n, cells in enumerate(rows):
        line = [c.ljust(w) if i < 4 else c.rjust(w) for i, (c, w) in enumerate(zip(cells, widths))]
        print("  ".join(line).rstrip())
        if n == 0:
            print("-" * (sum(widths) + 2 * (len(widths) - 1)))


def read(path):
    try:
        with open(path, encoding="utf-8") as file:
            report = json.load(file)
        report["rows"]
        return report
    except (OSError, ValueError, KeyError, TypeError) as error:
        print(f"bench_ops_peers: {path}: expected a readable JSON report with rows ({type(error).__name__}: {error})",
              file=sys.stderr)
        sys.exit(2)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--ops", default="selective_scan,causal_conv1d,mamba_layer")
    parser.add_argument("--shapes", default=SHAPES, help="sequences x length x channels, e.g. 32x512x1536,1x512x1536")
    parser.add_argument("--samples", type=int, default=21)
    parser.add_argument("--json", help="write the results to this file")
    parser.add_argument("--from", dest="earlier", help="results of an earlier run instead of a new one")
    parser.add_argument("--merge", help="results of mabert_bench ops: print both and their ratios (public / ours)")
    arguments = parser.parse_args()
    ours = read(arguments.merge) if arguments.merge else None
    peers = read(arguments.earlier) if arguments.earlier else run(arguments, ours)
    if arguments.json:
        with open(arguments.json, "w", encoding="utf-8") as file:
            json.dump(peers, file, indent=1)
    if ours:
        print_table(merge(ours, peers))


if __name__ == "__main__":
    main()
