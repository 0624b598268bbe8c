#!/usr/bin/env bash
# What a run directory accepts and refuses: a start that failed does not lock it, a signal leaves a run that goes on bit by
# bit, and only settings that do not change what is learned may be changed on the way.
#
#   resume_rules.sh MABERT
set -uo pipefail
[ $# -eq 1 ] || { sed -n '2,6p' "$0"; exit 2; }
mabert=$1; here=$(cd "$(dirname "$0")" && pwd); tiny=$here/tiny.yaml
work=$(mktemp -d); trap 'rm -rf "$work"' EXIT
cd "$work"
bash "$here/fixture_text.sh" 300 >text.txt
common=("tokenizer.inputs=[text.txt]" tokenizer.output=tokenizer.model "shards.inputs=[text.txt]" shards.tokenizer=tokenizer.model
        shards.output=shards shards.valid_fraction=0.1 data.shards=shards)
failures=0
fail() { failures=$((failures + 1)); printf 'FAILED: %s\n' "$*"; }
# expect CODE PATTERN COMMAND...: the command ends with CODE and says PATTERN on standard error ('' for anything).
expect() {
  local code=$1 pattern=$2 got; shift 2
  "$@" >out.log 2>err.log </dev/null; got=$?
  if [ "$got" -eq "$code" ] && { [ -z "$pattern" ] || grep -qE -- "$pattern" err.log; }; then
    printf 'ok %s: %s\n' "$code" "$(tail -n 1 err.log)"
  else
    fail "$*"; printf '  expected exit %s and /%s/\n  got exit %s: %s\n' "$code" "$pattern" "$got" "$(cat err.log)"
  fi
}
# same_weights A B: the last checkpoints of two runs hold the same bits.
same_weights() {
  local last file
  last=$(cat "$1/checkpoints/last")
  for file in model.safetensors optimizer.safetensors; do
    cmp "$1/checkpoints/$last/$file" "$2/checkpoints/$last/$file" && echo "ok: $2/$last/$file as in $1" || fail "$2/$last/$file"
  done
}
expect 0 '' "$mabert" tokenizer "$tiny" "${common[@]}"
expect 0 '' "$mabert" shard "$tiny" "${common[@]}"

# A start that fails before its first step does not lock the directory to its settings.
expect 2 'batch.tokens' "$mabert" pretrain "$tiny" "${common[@]}" run_dir=corrected train.steps=4 batch.tokens=32
expect 0 'step 4/4' "$mabert" pretrain "$tiny" "${common[@]}" run_dir=corrected train.steps=4 batch.tokens=192
grep -q 'tokens: 192' corrected/config.yaml || fail 'corrected/config.yaml is not that of the corrected command'

# A run says how long it is, or nothing is written.
grep -v '^train:' "$tiny" >no_train.yaml
expect 2 'steps or epochs' "$mabert" pretrain no_train.yaml "${common[@]}" run_dir=endless
expect 2 'steps or epochs' "$mabert" pretrain no_train.yaml "${common[@]}" run_dir=endless train.seed=11 train.device=cpu
expect 2 'steps or epochs' "$mabert" pretrain "$tiny" "${common[@]}" run_dir=endless train.steps=null
[ ! -e endless ] || fail 'a refused run left its directory behind'

# SIGTERM in mid-run. Nothing but the signal saves before the end here.
run=("$mabert" pretrain "$tiny" "${common[@]}" train.steps=120 train.log_every=1 train.checkpoint_every=0 train.validate_every=0
     train.precision=float32 train.threads=1)
expect 0 'step 120/120' "${run[@]}" run_dir=straight
"${run[@]}" run_dir=stopped >out.log 2>err.log & pid=$!
until [ "$(cat stopped/metrics.jsonl 2>/dev/null | wc -l)" -ge 5 ] || ! kill -0 "$pid" 2>/dev/null; do sleep 0.02; done
kill -TERM "$pid"; wait "$pid"; code=$?
[ "$code" -eq 143 ] && echo 'ok 143: SIGTERM' || fail "SIGTERM: expected exit 143, got $code: $(tail -n 3 err.log)"
saved=$(cat stopped/checkpoints/last)
[[ "$saved" > step-00000000 && "$saved" < step-00000120 ]] && echo "ok: saved $saved" || fail "SIGTERM: saved '$saved'"
expect 0 '' "$mabert" inspect checkpoint "stopped/checkpoints/$saved"

# On resume, what changes the numbers is refused and changes nothing; what does not is taken.
cp stopped/config.yaml before.yaml
expect 2 'another configuration.*precision' "${run[@]}" run_dir=stopped train.precision=bfloat16
expect 2 'another configuration.*learning_rate' "${run[@]}" run_dir=stopped optimizer.learning_rate=0.1
cmp before.yaml stopped/config.yaml || fail 'a refused command changed config.yaml'
[ "$(cat stopped/checkpoints/last)" = "$saved" ] || fail 'a refused command changed the checkpoints'
expect 0 "resumed .*$saved" "${run[@]}" run_dir=stopped batch.prefetch=5 batch.workers=3
same_weights straight stopped

[ "$failures" -eq 0 ] || { echo "$failures failed"; exit 1; }
echo 'every rule holds'
