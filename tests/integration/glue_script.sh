#!/usr/bin/env bash
# tools/glue.sh with a program that only notes what it is asked: which runs are made, in which order, what a failure and
# Ctrl-C leave, and that nothing is done twice.
#
#   glue_script.sh
set -uo pipefail
glue=$(cd "$(dirname "$0")/../../tools" && pwd)/glue.sh
work=$(mktemp -d); trap 'rm -rf "$work"' EXIT
cd "$work"
failures=0
fail() { failures=$((failures + 1)); printf 'FAILED: %s\n' "$*"; cat out.log err.log 2>/dev/null; }
# expect CODE ARGUMENT...: runs glue.sh on a fresh list of calls.
expect() {
  local code=$1 got; shift; : >calls.log
  bash "$glue" "$@" >out.log 2>err.log </dev/null; got=$?
  [ $got -eq "$code" ] || fail "expected exit $code, got $got: $*"
}
says() { grep -qE -- "$1" err.log || fail "/$1/ is not said"; }
calls() { [ "$(cut -d' ' -f-3 calls.log | paste -sd ,)" = "$1" ] || fail "expected the calls $1, got $(paste -sd , calls.log)"; }
called() { grep -qE -- "$1" calls.log || fail "no call like /$1/ in $(cat calls.log)"; }

# Trains by writing seed-N/result.json. Fails as $FAIL says ("task seed"); with $SLOW waits for a signal and ends as mabert does.
cat >mabert <<'STUB'
#!/usr/bin/env bash
if [ "$1" = report ]; then echo "table of $3"; echo "report - $3" >>calls.log; exit 0; fi
config=$(basename "$2" .yaml); count=1; from=''; run=''; first=''
all=("$@")
for ((i = 2; i < $#; i++)); do
  case ${all[$i]} in --seeds) count=${all[$((i + 1))]} ;; model.init_from=*) from=${all[$i]#*=} ;; run_dir=*) run=${all[$i]#*=} ;;
    train.seed=*) first=${all[$i]#*=} ;; esac
done
[ -f "$2" ] && [ -d "$from" ] && [[ $from != *mnli* || -s $from/result.json ]] || { echo "mabert: no $2 or no $from" >&2; exit 4; }
echo "$config $first $count $*" >>calls.log
until [ "$(grep -c . calls.log)" -ge "${TOGETHER:-1}" ]; do sleep 0.01; done  # so many are at work before one ends
for ((seed = first; seed < first + count; seed++)); do
  [ ! -s "$run/seed-$seed/result.json" ] || continue
  mkdir -p "$run/seed-$seed"
  [ "${FAIL:-}" != "$config $seed" ] || { echo "mabert: made to fail" >&2; exit 6; }
  if [ -n "${SLOW:-}" ]; then
    trap 'echo "signal" >>signals.log; exit 143' TERM INT
    touch "$run/seed-$seed/began"
    while :; do read -r -t 0.05 <> <(:) || true; done
  fi
  echo "trained $config $seed" >>trained.log
  echo '{}' >"$run/seed-$seed/result.json"
done
echo '{}' >"$run/result.json"
echo "${config^^} dev:  loss 0.5000  f1 0.8500  accuracy 0.8000  ($count seeds)"
STUB
chmod +x mabert
export MABERT=$work/mabert
mkdir -p runs/small; for folder in CoLA SST-2 MRPC RTE MNLI; do mkdir -p "data/glue/$folder"; touch "data/glue/$folder/train.tsv"; done

# Wrong commands.
expect 2
expect 2 absent
expect 2 runs/small mrcp; says 'unknown task mrcp'
expect 2 runs/small --seeds 0
expect 2 runs/small --seeds; says 'expected a number'
expect 2 runs/small -- train.seed=3; says 'set by this script'
expect 2 runs/small -- mrpc:run_dir=x; says 'set by this script'
expect 2 runs/small rte --from-mnli; says 'mnli/seed-1 is not finished'
expect 2 runs/small qqp; says 'qqp: skipped, nothing in data/glue/QQP'
[ ! -e runs/glue ] || fail 'a refused command left a folder behind'

# One after another: a call for each task, in the order given; those not on disk are named; the table comes last.
expect 0 runs/small/ --seeds 2 -- train.epochs=1 mrpc:train.epochs=2
calls 'cola 1 2,sst-2 1 2,mrpc 1 2,mnli 1 2,rte 1 2,report - runs/glue/small'
says '^sts-b: skipped'
says '^\[6/10\] mrpc seeds 1-2 done in [0-9]+ s \(dev: f1 0.8500 accuracy 0.8000\)$'
[ "$(cat out.log)" = 'table of runs/glue/small' ] || fail 'standard output is not the table'
called '^mrpc .*configs/finetune/mrpc.yaml model.init_from=runs/small task.folder=data/glue/MRPC run_dir=runs/glue/small/mrpc '
called '^mrpc .* train.epochs=1 train.epochs=2 --seeds 2$'
called '^rte .* train.epochs=1 --seeds 2$'
[ -s runs/glue/small/logs/mrpc.log ] || fail 'no log'
before=$(cat trained.log)
expect 0 runs/small --seeds 2
[ "$(cat trained.log)" = "$before" ] || fail 'trained what was finished'

# Several at once: a job for each seed, the longest tasks first, and one more call over all seeds of a task.
TOGETHER=2 expect 0 runs/small rte mnli cola --seeds 2 --jobs 2 --random --out table
[ "$(grep -c . calls.log)" -eq 10 ] || fail "expected 10 calls, got $(cat calls.log)"
[ "$(head -n 2 calls.log | cut -d' ' -f1 | sort -u)" = mnli ] || fail 'mnli is not first'
for task in rte mnli cola; do for call in '1 1' '2 1' '1 2'; do called "^$task $call .* finetune.random_weights=true --seeds"; done; done
[ "$(tail -n 1 calls.log)" = 'report - table' ] || fail 'the report is not last'
says '^\[[1-6]/6\] rte seed 2 done'
[ -s table/logs/rte-seed-2.log ] || fail 'no log of a seed'

# A failure stops nothing else; that task is not put together; running again mends it.
FAIL='cola 2' expect 1 runs/small cola rte --seeds 2 --jobs 2 --out broken
says '^\[[1-4]/4\] cola seed 2 FAILED after [0-9]+ s \(exit code 6, see broken/logs/cola-seed-2.log\): mabert: made to fail'
says '^1 failed:'
called '^rte 1 2'
! grep -q '^cola 1 2' calls.log || fail 'cola was put together without seed 2'
expect 0 runs/small cola rte --seeds 2 --jobs 2 --out broken
called '^cola 1 2'

# RTE and MRPC from MNLI's first seed: not before it is there, and not at all when it fails.
expect 0 runs/small rte cola mnli --seeds 1 --from-mnli --out chain
calls 'mnli 1 1,rte 1 1,cola 1 1,report - chain'
called '^rte .* model.init_from=chain/mnli/seed-1 '
called '^cola .* model.init_from=runs/small '
expect 0 runs/small rte cola mnli --seeds 1 --jobs 3 --from-mnli --out chain3
called '^rte .* model.init_from=chain3/mnli/seed-1 '
FAIL='mnli 1' expect 1 runs/small rte cola mnli --seeds 1 --jobs 3 --from-mnli --out chain2
says 'rte seed 1 not started: mnli seed 1'
called '^cola'
! grep -q '^rte' calls.log || fail 'rte was started without mnli'

# Ctrl-C: each child gets one signal, nothing else starts, and the same command goes on.
: >calls.log
SLOW=1 setsid bash "$glue" runs/small cola rte mrpc --seeds 1 --jobs 2 --out stopped >out.log 2>err.log </dev/null & pid=$!
until [ "$(find stopped -name began 2>/dev/null | wc -l)" -eq 2 ] || ! kill -0 $pid 2>/dev/null; do sleep 0.02; done
expect 2 runs/small cola --out stopped; says 'another glue.sh'
kill -TERM $pid; wait $pid; code=$?
[ $code -eq 143 ] || fail "expected exit 143 after SIGTERM, got $code"
[ "$(grep -c . signals.log)" -eq 2 ] || fail "expected a signal for each of 2 children, got $(cat signals.log)"
[ "$(find stopped -name began | wc -l)" -eq 2 ] || fail 'another run was started after the signal'
expect 0 runs/small cola rte mrpc --seeds 1 --jobs 2 --out stopped

[ "$failures" -eq 0 ] || { echo "$failures failed"; exit 1; }
echo 'every run was made once'
