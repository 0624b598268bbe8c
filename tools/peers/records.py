"""Records as mabert_bench writes and merges them, and the file that holds them. Needs no torch."""
import json
import math
import os
import tempfile

KEY = ("subject", "framework", "measure", "path", "attention", "dtype", "layout", "sequences", "length",
       "padded_fraction", "valid_tokens")
NAMES = ("subject", "framework", "measure", "path", "attention", "dtype", "layout")
COUNTS = ("sequences", "length", "valid_tokens")


class FileError(Exception):
    """A file of records that cannot be read or written; the message is one line."""


def quantile(values, q):
    """Linear between neighbours, as the C++ side has it."""
    values = sorted(values)
    place = q * (len(values) - 1)
    below = int(place)
    above = min(below + 1, len(values) - 1)
    return values[below] + (place - below) * (values[above] - values[below])


def spread(milliseconds):
    if not milliseconds:
        raise ValueError("expected at least one time, got none")
    names = {"p10": 0.1, "p50": 0.5, "p90": 0.9, "p95": 0.95, "p99": 0.99}
    return {**{name: quantile(milliseconds, q) for name, q in names.items()},
            "mean": sum(milliseconds) / len(milliseconds), "samples": len(milliseconds)}


def record(job, dtype, milliseconds, peak_bytes=None, note=""):
    entry = {**identity(job, dtype), "ms": spread(milliseconds)}
    entry["tokens_per_second"] = tokens_per_second(entry)
    if peak_bytes is not None:
        entry["peak_bytes"] = peak_bytes
    return {**entry, "note": note}


def not_measured(job, dtype, reason):
    """What was planned and gave no times: kept apart from the records."""
    return {**identity(job, dtype), "reason": reason}


def identity(job, dtype):
    return {"subject": job.subject, "framework": "pytorch", "measure": job.measure, "path": job.way,
            "attention": job.attention, "dtype": dtype, "layout": "dense", "sequences": job.sequences,
            "length": job.length, "padded_fraction": 0.0, "valid_tokens": job.sequences * job.length}


def key(entry):
    return tuple(entry.get(name) for name in KEY)


def tokens_per_second(entry):
    return entry["valid_tokens"] / entry["ms"]["p50"] * 1e3


def fastest(entries):
    """Of each subject, measure and length the fastest way it was run: a list of records."""
    best = {}
    for entry in entries:
        place = (entry["subject"], entry["measure"], entry["length"])
        if place not in best or entry["ms"]["p50"] < best[place]["ms"]["p50"]:
            best[place] = entry
    return list(best.values())


def join(reports):
    """One report under the first one's header; of equal keys the last report's record counts."""
    devices = sorted({str(report.get("device")) for report in reports})
    if len(devices) > 1:
        raise FileError(f"--join: expected files of one device, got {' and '.join(devices)}")
    found = {key(entry): entry for report in reports for entry in report["records"]}
    missing = {key(entry): entry for report in reversed(reports) for entry in report.get("not_measured", [])}
    header = {name: value for name, value in reports[0].items() if name not in ("records", "not_measured")}
    header["command"] = "; ".join(str(report.get("command", "unknown")) for report in reports)
    return {**header, "records": list(found.values()),
            "not_measured": [entry for place, entry in missing.items() if place not in found]}


def printable(text):
    """Control characters as escapes, so that a message stays one line and leaves the terminal as it is."""
    return "".join(c if c.isprintable() else repr(c)[1:-1] for c in text)


def is_number(value, least=0.0):
    return isinstance(value, (int, float)) and not isinstance(value, bool) and math.isfinite(value) and value >= least


def fault_of(entry, needed):
    """What is wrong with an entry of a report, or nothing."""
    for name in needed:
        if not isinstance(entry, dict) or name not in entry:
            return f"'{name}' is missing"
    for name in (*NAMES, *(("reason",) if "reason" in needed else ())):
        if not isinstance(entry[name], str) or printable(entry[name]) != entry[name]:
            return f"{name}: expected text without control characters, got {json.dumps(entry[name])[:80]}"
    for name in COUNTS:
        if not isinstance(entry[name], int) or not is_number(entry[name], 1):
            return f"{name}: expected a whole number of at least 1, got {json.dumps(entry[name])[:80]}"
    if not is_number(entry["padded_fraction"]):
        return f"padded_fraction: expected a number of at least 0, got {json.dumps(entry['padded_fraction'])[:80]}"
    if "ms" not in needed:
        return ""
    times = entry["ms"] if isinstance(entry["ms"], dict) else {}
    for name in ("p10", "p50", "p90"):  # the others may be missing, as they may for mabert_bench
        if not is_number(times.get(name), 1e-9):
            return f"ms.{name}: expected a time above 0, got {json.dumps(times.get(name))[:80]}"
    for name, value in {**times, "peak_bytes": entry.get("peak_bytes", 0)}.items():
        if not is_number(value):
            return f"{printable(name)}: expected a number of at least 0, got {json.dumps(value)[:80]}"
    return ""


def read(path):
    try:
        with open(path, encoding="utf-8") as file:
            report = json.load(file)
    except (OSError, ValueError) as error:
        raise FileError(f"{path}: expected a readable JSON report ({type(error).__name__}: {error})") from None
    entries = report.get("records") if isinstance(report, dict) else None
    if not isinstance(entries, list):
        raise FileError(f"{path}: expected a report with a list 'records', as --json writes it")
    for which, needed in (("records", KEY + ("ms",)), ("not_measured", KEY + ("reason",))):
        listed = report.get(which, [])
        if not isinstance(listed, list):
            raise FileError(f"{path}: {which}: expected a list")
        for place, entry in enumerate(listed):
            fault = fault_of(entry, needed)
            if fault:
                raise FileError(f"{path}: {which}[{place}]: {fault}")
    return report


def check_writable(path):
    """Before any work; an earlier file stays as it is."""
    if printable(path) != path:
        raise FileError(f"--json: expected a name without control characters, got '{path}'")
    if not path.endswith(".json"):
        raise FileError(f"--json: expected a name that ends in .json, got '{path}'")
    folder = os.path.dirname(os.path.abspath(path))
    if not os.path.isdir(folder):
        raise FileError(f"--json: cannot write '{path}': make the folder '{folder}' first")
    if os.path.isdir(path) or not os.access(folder, os.W_OK):
        raise FileError(f"--json: cannot write '{path}': it is a folder, or its folder gives no permission")


def write(path, report):
    """All or nothing: a kill leaves the earlier file."""
    folder = os.path.dirname(os.path.abspath(path))
    try:
        handle, partial = tempfile.mkstemp(dir=folder, prefix=os.path.basename(path) + ".", suffix=".partial")
    except OSError as error:
        raise FileError(f"{path}: cannot write in the folder '{folder}' ({error.strerror})") from None
    try:
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            json.dump(report, file, indent=1)
            file.write("\n")
            file.flush()
            os.fsync(file.fileno())
        os.chmod(partial, 0o644)
        os.replace(partial, path)
    except OSError as error:
        os.unlink(partial)
        raise FileError(f"{path}: cannot be written ({error.strerror})") from None


def table(report):
    """Lines of text: every record, '*' at the fastest of its subject, measure and length; then what is missing."""
    entries = report["records"]
    best = {key(entry) for entry in fastest(entries)}
    rows = [["", "model", "measure", "length", "path", "attention", "ms p50", "p10", "p90", "p99", "ktok/s", "GiB"]]
    for e in sorted(entries, key=lambda e: (e["measure"], e["subject"], e["length"])):
        rows.append(["*" if key(e) in best else "", e["subject"], e["measure"], str(e["length"]), e["path"],
                     e["attention"], *(f"{e['ms'][q]:.4g}" if q in e["ms"] else "-"
                                       for q in ("p50", "p10", "p90", "p99")),
                     f"{tokens_per_second(e) / 1e3:.4g}",
                     f"{e['peak_bytes'] / 2**30:.2f}" if "peak_bytes" in e else "-"])
    widths = [max(map(len, column)) for column in zip(*rows)]
    lines = ["  ".join(cell.ljust(width) if i < 6 else cell.rjust(width)
                       for i, (cell, width) in enumerate(zip(row, widths))).rstrip() for row in rows]
    return lines + [f"not measured: {describe(e)}: {e['reason']}" for e in report.get("not_measured", [])]


def describe(entry):
    return f"{entry['subject']} {entry['measure']} {entry['length']} {entry['path']} ({entry['attention']})"
