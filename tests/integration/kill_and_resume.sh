#!/usr/bin/env bash
# Kills a pretraining run with SIGKILL at random moments, resumes it each time, and compares the final weights, optimizer,
# metrics and result, bit by bit, with those of a run that was never interrupted.
#
#   kill_and_resume.sh MABERT KILLS [STEPS]        MABERT: the program; KILLS: how often to kill; STEPS of the run
set -euo pipefail
[ $# -ge 2 ] || { sed -n '2,6p' "$0"; exit 2; }
mabert=$1; kills=$2; steps=${3:-60}; here=$(cd "$(dirname "$0")" && pwd)
work=$(mktemp -d); trap 'rm -rf "$work"' EXIT
bash "$here/fixture_text.sh" 300 >"$work/text.txt"
settings=("$here/tiny.yaml" "tokenizer.inputs=[$work/text.txt]" "tokenizer.output=$work/tokenizer.model"
          "shards.inputs=[$work/text.txt]" "shards.tokenizer=$work/tokenizer.model" "shards.output=$work/shards"
          shards.valid_fraction=0.1 "data.shards=$work/shards" "train.steps=$steps")
give_up() { echo "$1"; tail -n 20 "$work/log"; exit 1; }
run() {  # run VERB RUN_DIR
  "$mabert" "$1" "${settings[@]}" "run_dir=$2" >/dev/null 2>>"$work/log" || give_up "mabert $1 failed"
}

# Timings differ; losses, gradient norms and everything else may not.
metrics() { sed -E 's/"(seconds|tokens_per_second|memory[a-z_]*)":[^,}]*,?//g' "$1/metrics.jsonl"; }
result() { grep -v '"seconds":' "$1/result.json"; }
status=0
compare() {  # compare RUN_DIR: with the straight run
  local last file part
  last=$(cat "$work/straight/checkpoints/last")
  for file in model.safetensors optimizer.safetensors; do
    if cmp "$work/straight/checkpoints/$last/$file" "$1/checkpoints/$last/$file"; then
      echo "$last/$file: equal bit by bit"
    else
      status=1
    fi
  done
  for part in metrics result; do
    if diff <($part "$work/straight") <($part "$1") >"$work/$part.diff"; then
      echo "$part: the same $($part "$1" | wc -l) lines"
    else
      echo "$part differ:"; head -n 6 "$work/$part.diff"; status=1
    fi
  done
}

run tokenizer "$work/none"
run shard "$work/none"
begin=$(date +%s%N)
run pretrain "$work/straight"
whole_ms=$(( ($(date +%s%N) - begin) / 1000000 ))

killed=0
for attempt in $(seq 1 $((kills * 6))); do
  [ "$killed" -ge "$kills" ] && break
  # A moment between the start of the program and about a third of the whole run, so that every attempt can be hit.
  wait_ms=$(( RANDOM % (whole_ms / 3 + 300) + 100 ))
  "$mabert" pretrain "${settings[@]}" "run_dir=$work/killed" >/dev/null 2>>"$work/log" & pid=$!
  sleep "$(printf '%d.%03d' $((wait_ms / 1000)) $((wait_ms % 1000)))"
  kill -9 "$pid" 2>/dev/null || true
  code=0; wait "$pid" 2>/dev/null || code=$?
  case $code in
    137) killed=$((killed + 1))
         echo "kill $killed after $wait_ms ms, last checkpoint: $(cat "$work/killed/checkpoints/last" 2>/dev/null || echo none)" ;;
    # Finished before all kills were spent: start over, so that the remaining kills still hit a run at work.
    0) echo "finished after $killed kills"; compare "$work/killed"; rm -rf "$work/killed" ;;
    *) give_up "attempt $attempt: exit code $code" ;;
  esac
done
[ "$killed" -ge "$kills" ] || { echo "only $killed of $kills kills hit a running program"; exit 1; }
run pretrain "$work/killed"
compare "$work/killed"
# A kill between the last checkpoint and the result, the one moment that chance hardly finds.
rm "$work/killed/result.json"
run pretrain "$work/killed"
compare "$work/killed"
exit $status
