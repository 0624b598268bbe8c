#!/usr/bin/env bash
# tools/bench_peers.py without torch and transformers: its records, plan, joining, arguments, and what a run leaves when
# models fail, time is over or the device is lost; its checks before the clock, with numbers in place of tensors. Then
# tiny models on the CPU; where the packages are not importable they are left out and the test counts as skipped (77).
#
#   bench_peers_script.sh
set -uo pipefail
here=$(cd "$(dirname "$0")" && pwd)
tools=$(cd "$here/../../tools" && pwd)
command -v python3 >/dev/null || { echo "skipped: no python3"; exit 77; }
work=$(mktemp -d); trap 'rm -rf "$work"' EXIT
export PYTHONPYCACHEPREFIX=$work/pycache OMP_NUM_THREADS=1
cd "$work"
python3 -m py_compile "$tools/bench_peers.py" "$tools"/peers/*.py || { echo "FAILED: does not compile"; exit 1; }
for test in bench_peers_test bench_peers_measure_test; do
  PYTHONPATH=$tools python3 "$here/$test.py" || exit 1
done
if ! python3 -c 'import torch, transformers' 2>/dev/null; then
  echo "skipped: tiny models, as torch or transformers is not importable; everything else passed"
  exit 77
fi
python3 "$tools/bench_peers.py" --device cpu --tiny --lengths 64 --tokens 128 --samples 2 --calls 2 --paths eager \
  --measures training_step,latency,throughput --json tiny.json >table.txt 2>err.txt &&
  python3 - <<'CHECK' || { echo "FAILED: tiny models"; cat table.txt err.txt; exit 1; }
import json
report = json.load(open("tiny.json"))
assert report["not_measured"] == [], report["not_measured"]
assert len(report["records"]) == 20, len(report["records"])  # 5 models; training with labelled and with all logits
assert sum(entry["path"] == "eager, all logits" for entry in report["records"]) == 5
CHECK
