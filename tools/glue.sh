#!/usr/bin/env bash
# Fine-tunes a pretrained run on GLUE, every task with several seeds, and prints the table. Run it again to go on: what is
# finished is not done again.
#
#   tools/glue.sh RUN [TASK…] [OPTION…] [-- [TASK:]key=value…]
#
#   TASK          cola sst-2 mrpc sts-b qqp mnli qnli rte (all of these by default) wnli
#   --data DIR    the tasks' folders (CoLA, SST-2, …; default data/glue; see tools/get_glue.sh)
#   --out DIR     results, a folder for each task (default runs/glue/NAME of the run; with --random NAME-random)
#   --seeds N     seeds 1 to N (default 5)
#   --jobs N      so many runs at once, on one GPU (default 1: one after another)
#   --random      random weights in the shape of RUN: what fine-tuning reaches without pretraining
#   --from-mnli   RTE, MRPC and STS-B start from the first seed of this table's MNLI
#   --            configuration values for all tasks, or with TASK: in front for one, e.g. qnli:train.epochs=1
#   MABERT=…      the program (default build/cuda-release/tools/mabert, else build/cpu-release/tools/mabert)
#
# Each run's output is in DIR/logs. Exit code 1: some runs failed; the others are done. Ctrl-C saves and stops.
set -uo pipefail
root=$(cd "$(dirname "$0")/.." && pwd)
die() { echo "glue.sh: $*" >&2; exit 2; }
number() { [[ "${2:-}" =~ ^[1-9][0-9]{0,3}$ ]] || die "$1: expected a number from 1, got '${2:-}'"; }

declare -A folder_of=([cola]=CoLA [sst-2]=SST-2 [mrpc]=MRPC [sts-b]=STS-B [qqp]=QQP [mnli]=MNLI [qnli]=QNLI [rte]=RTE [wnli]=WNLI)
longest_first=(mnli qqp qnli sst-2 rte cola sts-b mrpc wnli)
run=''; data=data/glue; out=''; seeds=5; jobs=1; random=''; from_mnli=''; tasks=(); common=()
declare -A own=()  # one task's values, a line each
while [ $# -gt 0 ]; do
  case $1 in
    -h|--help) sed -n '2,17p' "$0"; exit 0 ;;
    --data|--out) [ -n "${2:-}" ] || die "$1: expected a folder"; declare "${1#--}=${2%/}"; shift 2 ;;
    --seeds|--jobs) number "$1" "${2:-}"; declare "${1#--}=$2"; shift 2 ;;
    --random) random=-random; shift ;;
    --from-mnli) from_mnli=1; shift ;;
    --) shift; break ;;
    -*) die "unknown option $1 (see --help)" ;;
    *) if [ -z "$run" ]; then run=${1%/}
       elif [ -n "${folder_of[$1]:-}" ]; then [[ " ${tasks[*]} " == *" $1 "* ]] || tasks+=("$1")
       else die "unknown task $1; expected ${!folder_of[*]}"; fi
       shift ;;
  esac
done
for value in "$@"; do
  task=${value%%:*}; key=${value%%=*}
  [[ "$value" == *=* ]] || die "$value: expected key=value or TASK:key=value"
  if [[ "$key" == *:* ]]; then
    [ -n "${folder_of[$task]:-}" ] || die "$value: unknown task $task"
    value=${value#*:}; key=${value%%=*}; own[$task]+=$value$'\n'
  else
    common+=("$value")
  fi
  case $key in run_dir|model.init_from|task.name|task.folder|train.seed|finetune.random_weights)
    die "$key: set by this script; use RUN, --data, --out, --seeds or --random" ;; esac
done
[ -n "$run" ] || die 'expected RUN, a pretrained run (see --help)'
[ -d "$run" ] || die "$run: no such run or checkpoint"
[ -z "$random" ] || [ -z "$from_mnli" ] || die '--random and --from-mnli: give one of them'
[ ${#tasks[@]} -gt 0 ] || tasks=(cola sst-2 mrpc sts-b qqp mnli qnli rte)
name=$(basename "$(cd "$run" && pwd)")
[ -n "$out" ] || out=runs/glue/$name$random
mabert=${MABERT:-}
for build in cuda-release cpu-release; do
  if [ -z "$mabert" ] && [ -x "$root/build/$build/tools/mabert" ]; then mabert=$root/build/$build/tools/mabert; fi
done
[ -n "$mabert" ] || die 'no program: build it (tools/test.sh --build), or name it: MABERT=path/of/mabert'
command -v "$mabert" >/dev/null || die "MABERT: $mabert is no program"

here=()
for task in "${tasks[@]}"; do
  folder=$data/${folder_of[$task]}
  if [ -n "$(ls -A "$folder" 2>/dev/null)" ]; then here+=("$task"); else echo "$task: skipped, nothing in $folder" >&2; fi
done
[ ${#here[@]} -gt 0 ] || die "$data: none of the tasks is there; fetch them: tools/get_glue.sh $data"
has() { [[ " ${here[*]} " == *" $1 "* ]]; }
starts_from_mnli() { [ -n "$from_mnli" ] && [[ " rte mrpc sts-b " == *" $1 "* ]]; }
if [ -n "$from_mnli" ] && ! has mnli && [ ! -s "$out/mnli/seed-1/result.json" ]; then
  die "--from-mnli: $out/mnli/seed-1 is not finished; add mnli to the tasks"
fi
tasks=()
if [ "$jobs" -gt 1 ]; then
  for task in "${longest_first[@]}"; do if has "$task"; then tasks+=("$task"); fi; done
else  # in the order given, but what others start from first
  if [ -n "$from_mnli" ] && has mnli; then tasks=(mnli); fi
  for task in "${here[@]}"; do [[ " ${tasks[*]} " == *" $task "* ]] || tasks+=("$task"); done
fi
mkdir -p "$out/logs" || exit 2
exec 9>"$out/.lock"
flock -n 9 || die "$out: another glue.sh is at work there"

# A job is "TASK FIRST-SEED COUNT". With --jobs each seed is one; when all of a task are done, "TASK all N" writes the task's
# result over all seeds (it trains nothing). Each job runs in a session of its own, so that Ctrl-C reaches it once, through
# this script: a second signal would end it without saving.
queue=(); declare -A running=() began=() left=() broken=()
failures=(); total=$((${#tasks[@]} * seeds)); ended=0; stopping=''; mnli_state=waits
[ -s "$out/mnli/seed-1/result.json" ] && mnli_state=ready
for task in "${tasks[@]}"; do
  left[$task]=$seeds
  if [ "$jobs" -eq 1 ]; then queue+=("$task 1 $seeds"); continue; fi
  for ((seed = 1; seed <= seeds; seed++)); do queue+=("$task $seed 1"); done
done

label_of() { case "$2 $3" in all*) echo "$1 over all seeds" ;; *\ 1) echo "$1 seed $2" ;; *) echo "$1 seeds $2-$3" ;; esac; }
log_of() { case "$2 $3" in all*) echo "$out/logs/$1.log" ;; *\ 1) echo "$out/logs/$1-seed-$2.log" ;; *) echo "$out/logs/$1.log" ;; esac; }
start() {
  local task=$1 first=$2 count=$3 from=$run values=()
  [ "$first" != all ] || first=1
  if starts_from_mnli "$task"; then from=$out/mnli/seed-1; fi
  [ -z "$random" ] || values+=(finetune.random_weights=true)
  values+=("${common[@]}")
  while IFS= read -r value; do [ -z "$value" ] || values+=("$value"); done <<<"${own[$task]:-}"
  setsid "$mabert" finetune "$root/configs/finetune/$task.yaml" "model.init_from=$from" "task.folder=$data/${folder_of[$task]}" \
    "run_dir=$out/$task" "train.seed=$first" "${values[@]}" --seeds "$count" </dev/null >"$(log_of "$@")" 2>&1 &
  running[$!]="$task $2 $count"; began[$!]=$SECONDS
  [ "$2" = all ] || echo "$(label_of "$@") started (log: $(log_of "$@"))" >&2
}
scores() {  # what the program printed last, without the loss: "MRPC dev:  loss 0.5  f1 0.85  (1 seed)"
  sed -n -E 's/^[^ ]+ ([a-z_]+: .*)  \([0-9]+ seeds?\)$/\1/p' "$1" |
    sed -E 's/ +loss [^ ]+( ± [^ ]+)?//; s/  +/ /g' | paste -sd ';' | sed 's/;/; /g'
}
fail() { failures+=("$1"); echo "$1" >&2; }
finish() {  # PID CODE
  local task first count log label took code=$2
  read -r task first count <<<"${running[$1]}"
  took=$((SECONDS - began[$1])); unset "running[$1]" "began[$1]"
  log=$(log_of "$task" "$first" "$count"); label=$(label_of "$task" "$first" "$count")
  if [ "$code" -ne 0 ] && [ -n "$stopping" ]; then echo "$label stopped" >&2; return; fi
  if [ "$first" = all ]; then
    [ "$code" -eq 0 ] || fail "$label FAILED (exit code $code, see $log): $(tail -n 1 "$log")"
    return
  fi
  ended=$((ended + count)); left[$task]=$((left[$task] - count))
  if [ "$code" -eq 0 ]; then
    echo "[$ended/$total] $label done in $took s ($(scores "$log"))" >&2
    if [ "$task $first" = 'mnli 1' ]; then mnli_state=ready; fi
  else
    broken[$task]=1
    fail "[$ended/$total] $label FAILED after $took s (exit code $code, see $log): $(tail -n 1 "$log")"
    if [ "$task $first" = 'mnli 1' ]; then mnli_state=failed; fi
  fi
  if [ "${left[$task]}" -eq 0 ] && [ -z "${broken[$task]:-}" ] && [ "$jobs" -gt 1 ] && [ "$seeds" -gt 1 ]; then
    queue=("$task all $seeds" "${queue[@]}")
  fi
}
start_next() {  # the first job that may start; fails when there is none
  local i task first count
  for i in "${!queue[@]}"; do
    read -r task first count <<<"${queue[$i]}"
    if starts_from_mnli "$task" && [ "$mnli_state" != ready ]; then
      [ "$mnli_state" = failed ] || continue
      unset "queue[$i]"; ended=$((ended + count))
      fail "[$ended/$total] $(label_of "$task" "$first" "$count") not started: mnli seed 1, which it starts from, failed"
      continue
    fi
    unset "queue[$i]"; start "$task" "$first" "$count"; return 0
  done
  return 1
}
stop() { stopping=$1; local pid; for pid in "${!running[@]}"; do kill -TERM -- "-$pid" 2>/dev/null; done; }
trap 'stop 130' INT
trap 'stop 143' TERM HUP

while :; do
  while [ -z "$stopping" ] && [ ${#running[@]} -lt "$jobs" ] && start_next; do :; done
  [ ${#running[@]} -gt 0 ] || break
  pid=''; wait -n -p pid "${!running[@]}"; code=$?
  [ -z "${pid:-}" ] || finish "$pid" "$code"  # else a signal came
done
if [ -n "$stopping" ]; then
  echo "stopped after $ended of $total runs; the same command goes on" >&2
  exit "$stopping"
fi
if compgen -G "$out/*/result.json" >/dev/null; then "$mabert" report glue "$out" || failures+=("the report on $out FAILED"); fi
[ ${#failures[@]} -eq 0 ] || { printf '%d failed:\n' ${#failures[@]}; printf '  %s\n' "${failures[@]}"; exit 1; } >&2
