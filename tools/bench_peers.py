#!/usr/bin/env python3
"""Times the public PyTorch encoders beside `mabert_bench configs/bench/paper.yaml`, by the same method.

  bench_peers.py --json peers.json                                  # needs a GPU, torch and transformers; 5 minutes
  mabert_bench configs/bench/paper.yaml --merge peers.json          # both in one table, in columns of their own
  bench_peers.py --models BERT-base --paths compiled --json b.json  # a part
  bench_peers.py --join peers.json,b.json --json all.json           # parts into one file; needs neither
  bench_peers.py --device cpu --tiny --lengths 64,128 --tokens 256  # is everything in place? seconds

Models as transformers builds them from configurations, random weights, dropout 0; nothing is downloaded. Method:
benchmarks/README.md. Training steps compute logits only where there is a label, on a vocabulary rounded up to a
multiple of 8. Every way that was tried is recorded; '*' marks the fastest of a model, measure and length.
Exit codes: 0 ok, 2 usage, 3 torch or transformers is missing, 7 the device is missing or lost.
"""
import argparse
import datetime
import os
import subprocess
import sys
import time

from peers import plan, records

LENGTHS = "512,1024,2048,4096"


def fail(code, message):
    print(f"bench_peers: {records.printable(str(message))}", file=sys.stderr)
    sys.exit(code)


class Parser(argparse.ArgumentParser):
    def error(self, message):
        fail(2, f"{message} (--help lists the options)")


def parse(argv):
    parser = Parser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter, allow_abbrev=False)
    parser.add_argument("--models", help=f"of {', '.join(plan.MODELS)}; default all. Named "
                        "here, they are run in every way there is; Longformer and BigBird are compiled only so")
    parser.add_argument("--measures", default=plan.DEFAULT_MEASURES, help=f"of {', '.join(plan.MEASURES)}")
    parser.add_argument("--paths", default=",".join(plan.PATHS), help="graph: of the encoder alone, GPU only")
    parser.add_argument("--lengths", default=LENGTHS)
    parser.add_argument("--tokens", type=int, default=16384, help="of a training step or throughput batch, all valid")
    parser.add_argument("--vocabulary", default="rounded", choices=("rounded", "shipped", "both"),
                        help="of training steps: rounded up to a multiple of 8 (default), as shipped, or both")
    parser.add_argument("--loss", default="both", choices=("labelled", "all", "both"),
                        help="logits only where there is a label, at every position as the library has it, or "
                        "(default) the former and one eager step of the latter at the shortest length")
    parser.add_argument("--samples", type=int, default=15, help="timed steps or batches, fewer where slow")
    parser.add_argument("--calls", type=int, default=101, help="timed calls of a latency, fewer where slow")
    parser.add_argument("--device", default="cuda", choices=("cuda", "cpu"))
    parser.add_argument("--dtype", choices=("bf16", "fp32"), help="default bf16 on the GPU, fp32 on the CPU")
    parser.add_argument("--time-limit", type=float, default=300, help="seconds after which no measurement "
                        "begins and no compilation goes on")
    parser.add_argument("--compile-limit", type=float, default=120, help="seconds for one compilation")
    parser.add_argument("--tiny", action="store_true", help="models of width 64, to try the program itself")
    parser.add_argument("--json", help="write the results to this file, after every measurement")
    parser.add_argument("--join", help="files of earlier runs to join instead of measuring")
    return parser.parse_args(argv)


def choose(option, text, known):
    names = [name for name in text.split(",") if name]
    for name in names or [""]:
        if name not in known:
            fail(2, f"{option}: expected {', '.join(known)}, got '{name}'")
    return list(dict.fromkeys(names))


def whole_numbers(option, text):
    try:
        numbers = [int(part) for part in text.split(",")]
    except ValueError:
        numbers = [0]
    if min(numbers) < 1:
        fail(2, f"{option}: expected whole numbers of at least 1 with commas between, got '{text}'")
    return sorted(set(numbers))


def jobs_of(arguments):
    """The plan, of checked arguments."""
    for option in ("tokens", "samples", "calls"):
        if getattr(arguments, option) < 1:
            fail(2, f"--{option}: expected at least 1, got {getattr(arguments, option)}")
    for option in ("time_limit", "compile_limit"):
        if not getattr(arguments, option) > 0:
            fail(2, f"--{option.replace('_', '-')}: expected more than 0 seconds, got {getattr(arguments, option):g}")
    measures = choose("--measures", arguments.measures, plan.MEASURES)
    lengths = whole_numbers("--lengths", arguments.lengths)
    for length in lengths:
        if length < 16:
            fail(2, f"--lengths: expected at least 16, got {length}")
        if measures != ["latency"] and arguments.tokens % length:
            fail(2, f"--lengths: expected divisors of --tokens {arguments.tokens}, got {length}")
    models = choose("--models", arguments.models, plan.MODELS) if arguments.models is not None else plan.MODELS
    jobs = plan.plan(models, arguments.models is not None, measures, choose("--paths", arguments.paths, plan.PATHS),
                     lengths, arguments.tokens, arguments.device == "cuda", arguments.vocabulary,
                     arguments.loss, arguments.tiny)
    if not jobs:
        fail(2, f"--paths: nothing to measure with '{arguments.paths}' for '{arguments.measures}' on "
             f"{arguments.device} (graph is for the encoder alone, on the GPU)")
    return jobs


def import_libraries(device):
    try:
        import torch
        import transformers
    except ImportError as error:
        fail(3, f"{error}; install torch and transformers for this Python")
    if device == "cuda" and not torch.cuda.is_available():
        fail(7, "PyTorch sees no CUDA device; --device cpu measures on the CPU")
    transformers.logging.set_verbosity_error()
    return torch, transformers


def output_of(*command):
    try:
        return subprocess.run(command, capture_output=True, text=True, timeout=20, check=True).stdout.strip()
    except (OSError, subprocess.SubprocessError):
        return ""


def commit():
    here = ("git", "-C", os.path.dirname(os.path.abspath(__file__)))
    name = output_of(*here, "rev-parse", "--short", "HEAD")
    return (name + ("-dirty" if output_of(*here, "status", "--porcelain", "-uno") else "")) if name else "unknown"


def header(torch, transformers, arguments):
    cuda = arguments.device == "cuda"
    found = {"device": torch.cuda.get_device_name() if cuda else "CPU"}
    if cuda:
        found["driver"] = output_of("nvidia-smi", "--query-gpu=driver_version", "--format=csv,noheader").split("\n")[0]
    else:
        found.update(threads=torch.get_num_threads(), simd=torch.backends.cpu.get_cpu_capability())
    versions = {"torch": torch.__version__, "transformers": transformers.__version__,
                "python": ".".join(map(str, sys.version_info[:3]))}
    if cuda:
        versions.update(cuda=torch.version.cuda, cudnn=torch.backends.cudnn.version())
    return {**found, "commit": commit(), "versions": versions, "command": " ".join(sys.argv),
            "date": datetime.date.today().isoformat(), "deterministic": False,
            "method": ["training_step: forward, loss, backward, gradient norm clipped to 1, fused AdamW; device events "
                       "between steps, no wait inside; bf16 autocast over fp32 weights, dropout 0, labels at 15 % of "
                       "the positions; logits at those only, unless the path says 'all logits'; vocabulary rounded up "
                       "to a multiple of 8, unless the path names another",
                       "training_step: the same tokens, on the device before the clock starts; a step of mabert_bench "
                       "includes its loader and the copies to the device, one of this program does not",
                       "latency: batch 1, encoder's last hidden state, weights in the dtype, no gradients; host clock "
                       "from the call to the end of its work",
                       "throughput: the same encoder over batches of all the tokens, two in turn; device events around "
                       "both, waited for after each sample",
                       "peak_bytes: allocated by PyTorch at most during what was timed"]}


def first_line(error):
    lines = str(error).strip().splitlines()
    text = records.printable(f"{type(error).__name__}: {lines[0] if lines else 'no message'}")
    return text if len(text) <= 240 else text[:237] + "..."


def measure_all(arguments, jobs, report, save, begun):
    from peers.measure import Bench, Overtime
    torch, dtype = sys.modules["torch"], arguments.dtype
    bench = Bench(torch, arguments.device, dtype, arguments.samples, arguments.calls)

    def leave_out(left, reason):
        report["not_measured"] += [records.not_measured(job, dtype, reason) for job in left]
        save()

    for number, job in enumerate(jobs):
        passed = time.monotonic() - begun
        if passed > arguments.time_limit:
            return leave_out(jobs[number:], f"--time-limit {arguments.time_limit:g} s was over")
        bench.compile_limit = min(arguments.compile_limit, max(arguments.time_limit - passed, 1))
        try:
            entry = records.record(job, dtype, *bench.run(job))
            report["records"].append(entry)
            text = f"{entry['ms']['p50']:.4g} ms, {entry['tokens_per_second'] / 1e3:.4g} ktok/s"
        except (Exception, Overtime) as error:  # out of memory, not compilable, not recordable: the others go on
            entry = records.not_measured(job, dtype, first_line(error))
            report["not_measured"].append(entry)
            text = entry["reason"]
        print(f"[{number + 1}/{len(jobs)} {passed:.0f}s] {records.describe(entry)}: {text}", file=sys.stderr,
              flush=True)
        save()
        bench.clean()
        if "reason" in entry and not bench.works():
            leave_out(jobs[number + 1:], "the device was lost before")
            fail(7, f"after {records.describe(entry)} the device no longer answers; {len(jobs) - number - 1} "
                 "measurements are left, run them with --models and --paths and --join the files")


def main(argv=None):
    begun = time.monotonic()
    arguments = parse(argv)
    try:
        if arguments.join is not None:
            report = records.join([records.read(path) for path in arguments.join.split(",")])
            if arguments.json:
                records.write(arguments.json, report)
        else:
            jobs = jobs_of(arguments)
            arguments.dtype = arguments.dtype or ("bf16" if arguments.device == "cuda" else "fp32")
            if arguments.json:
                records.check_writable(arguments.json)
            report = {**header(*import_libraries(arguments.device), arguments), "records": [], "not_measured": []}
            measure_all(arguments, jobs, report,
                        lambda: records.write(arguments.json, report) if arguments.json else None, begun)
    except records.FileError as error:
        fail(2, error)
    except KeyboardInterrupt:
        fail(130, "stopped" + (f"; {arguments.json} has what was measured" if arguments.json else ""))
    print("\n".join(records.table(report)))


if __name__ == "__main__":
    main()
    sys.stdout.flush()
    os._exit(0)  # does not wait for what a compilation that was cut off has left running
