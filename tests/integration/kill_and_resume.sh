#!/usr/bin/env bash
# Kills a pretraining run with SIGKILL at random moments, resumes it each time, and compares the final weights, optimizer
# and metrics, bit by bit, with those of a run that was never interrupted.
#
#   kill_and_resume.sh MABERT KILLS        MABERT: the program; KILLS: how often to kill
set -euo pipefail
[ $# -eq 2 ] || { sed -n '2,6p' "$0"; exit 2; }
mabert=$1; kills=$2; here=$(cd "$(dirname "$0")" && pwd)
work=$(mktemp -d); trap 'rm -rf "$work"' EXIT
bash "$here/fixture_text.sh" 300 >"$work/text.txt"
run() {  # run VERB RUN_DIR
  "$mabert" "$1" "$here/tiny.yaml" "tokenizer.inputs=[$work/text.txt]" "tokenizer.output=$work/tokenizer.model" \
    "shards.inputs=[$work/text.txt]" "shards.tokenizer=$work/tokenizer.model" "shards.output=$work/shards" \
    shards.valid_fraction=0.1 "data.shards=$work/shards" "run_dir=$2" 2>>"$work/log"
}
run tokenizer "$work/none" >/dev/null
run shard "$work/none" >/dev/null

begin=$(date +%s%N)
run pretrain "$work/straight" >/dev/null || { tail -n 20 "$work/log"; exit 1; }
whole_ms=$(( ($(date +%s%N) - begin) / 1000000 ))

killed=0
for attempt in $(seq 1 $((kills * 6))); do
  [ "$killed" -ge "$kills" ] && break
  # A moment between the start of the program and about a third of the whole run, so that every attempt can be hit.
  wait_ms=$(( RANDOM % (whole_ms / 3 + 300) + 100 ))
  run pretrain "$work/killed" >/dev/null & pid=$!
  sleep "$(printf '%d.%03d' $((wait_ms / 1000)) $((wait_ms % 1000)))"
  # `run` is a subshell: the program is its child.
  child=$(pgrep -P "$pid" || true)
  if [ -n "$child" ] && kill -9 $child 2>/dev/null; then
    killed=$((killed + 1)); echo "kill $killed after $wait_ms ms, last checkpoint: $(cat "$work/killed/checkpoints/last" 2>/dev/null || echo none)"
  fi
  wait "$pid" 2>/dev/null || true
  # Finished before all kills were spent: start over, so that the remaining kills still hit a run at work.
  if [ -e "$work/killed/result.json" ] && [ "$killed" -lt "$kills" ]; then rm -rf "$work/killed"; fi
done
[ "$killed" -ge "$kills" ] || { echo "only $killed of $kills kills hit a running program"; exit 1; }
run pretrain "$work/killed" >/dev/null || { tail -n 20 "$work/log"; exit 1; }

status=0
last=$(cat "$work/straight/checkpoints/last")
for file in model.safetensors optimizer.safetensors; do
  if cmp "$work/straight/checkpoints/$last/$file" "$work/killed/checkpoints/$last/$file"; then
    echo "$last/$file: equal bit by bit"
  else
    status=1
  fi
done
# Timings differ; losses and gradient norms may not.
strip() { sed -E 's/"(seconds|tokens_per_second|memory[a-z_]*)":[^,}]*,?//g' "$1/metrics.jsonl"; }
if diff <(strip "$work/straight") <(strip "$work/killed") >"$work/metrics.diff"; then
  echo "metrics.jsonl: the same $(wc -l <"$work/straight/metrics.jsonl") lines"
else
  head -n 6 "$work/metrics.diff"; status=1
fi
exit $status
