#!/usr/bin/env bash
# A whole extension on a small fixture: pretrains a tiny model at 64 positions and teaches it 128, then 256. Checks what is
# written, that finished stages are not repeated, that one killed on the way goes on to the same bits, and bad input.
#
#   extend.sh MABERT
set -euo pipefail
[ $# -eq 1 ] || { sed -n '2,5p' "$0"; exit 2; }
mabert=$1; here=$(cd "$(dirname "$0")" && pwd)
work=$(mktemp -d); trap 'rm -rf "$work"' EXIT
cd "$work"
failures=0
fail() { failures=$((failures + 1)); printf 'FAILED: %s\n' "$*"; }
number() { grep -oE "\"$1\": ?-?[0-9.e+-]+" "$2" | head -n 1 | sed 's/.*: *//'; }
last() { echo "$1/checkpoints/$(cat "$1/checkpoints/last")"; }

# Long documents: every blank line but each twentieth is left out.
bash "$here/fixture_text.sh" 200 | awk 'NF {print} !NF && ++n % 20 == 0 {print ""}' >text.txt
settings=("tokenizer.inputs=[text.txt]" tokenizer.output=tokenizer.model "shards.inputs=[text.txt]"
          shards.tokenizer=tokenizer.model shards.output=shards shards.valid_fraction=0.2 data.shards=shards)
for verb in tokenizer shard; do "$mabert" $verb "$here/tiny.yaml" "${settings[@]}" >/dev/null 2>log; done
"$mabert" pretrain "$here/tiny.yaml" "${settings[@]}" run_dir=short train.steps=40 train.threads=1 samples.max_length=64 >/dev/null 2>>log

cat >extend.yaml <<'YAML'
extend:
  stages: [{length: 128, steps: 15}, {length: 256, steps: 15, learning_rate: 0.001}]
  report: {window: 32, windows: 40}
data: {shards: shards}
samples: {mixture: [{length: 64, share: 0.25}]}
batch: {tokens: 512}
optimizer: {learning_rate: 0.002}
schedule: {warmup_fraction: 0.2}
train: {log_every: 5, validate_every: 10, checkpoint_every: 5, seed: 11, device: cpu, threads: 1}
YAML
extend() { "$mabert" extend extend.yaml model.init_from=short "$@" 2>>log; }

extend run_dir=straight >out.json || { tail -n 20 log; exit 1; }
cmp out.json straight/result.json || fail 'what is printed is not the result'
for file in config.yaml source.json context/context.json context/context.md context/context.svg \
  length-128/{config.yaml,metrics.jsonl,result.json} length-256/{config.yaml,metrics.jsonl,result.json}; do
  [ -s "straight/$file" ] || fail "$file is missing"
done
[ "$(grep -c '"length":' out.json)" -eq 2 ] || fail 'stages of the result'
grep -q '"valid_loss": [0-9]' out.json || fail 'no validation loss in the result'
grep -q 'source, positions tiled' straight/context/context.md || fail 'the report lacks the source'
grep -q 'data position of .*short' log && grep -q 'of straight/length-128/checkpoints/step-00000015' log || fail 'what the stages start from'
# A stage goes on from what was learned before.
first_loss() { grep '"split": *"train"' "$1/metrics.jsonl" | head -n 1 | number loss /dev/stdin; }
awk -v long="$(first_loss straight/length-128)" -v short="$(first_loss short)" 'BEGIN {exit !(long > 0 && long + 0.3 < short)}' ||
  fail "first loss at 128: $(first_loss straight/length-128), of the short run: $(first_loss short)"
"$mabert" evaluate straight --device cpu --json >evaluated.json 2>>log || fail 'evaluating the extension'

# Finished stages are not repeated; a second start says the same.
before=$(stat -c %Y.%i straight/length-256/result.json); cp straight/result.json before.json
extend run_dir=straight >again.json || fail 'a second start'
[ "$before" = "$(stat -c %Y.%i straight/length-256/result.json)" ] || fail 'a finished stage was trained again'
cmp before.json again.json || fail 'the second start says something else'

# Killed in the second stage, then in the first one of another run, and interrupted: the same bits in the end.
compare() {  # compare RUN
  for stage in length-128 length-256; do
    for file in model optimizer; do
      cmp "$(last straight/$stage)/$file.safetensors" "$(last "$1/$stage")/$file.safetensors" || fail "$1: other $file at $stage"
    done
    diff <(sed -E 's/"(seconds|tokens_per_second|memory[a-z_]*)":[^,}]*,?//g' straight/$stage/metrics.jsonl) \
      <(sed -E 's/"(seconds|tokens_per_second|memory[a-z_]*)":[^,}]*,?//g' "$1/$stage/metrics.jsonl") >/dev/null || fail "$1: other metrics at $stage"
  done
  cmp straight/context/context.md <(sed "s/$1/straight/g" "$1/context/context.md") || fail "$1: another report"
}
stop_at() {  # stop_at RUN FILE SIGNAL: when the file appears
  "$mabert" extend extend.yaml model.init_from=short run_dir="$1" >/dev/null 2>>log & local process=$!
  for _ in $(seq 400); do [ -e "$1/$2" ] && break; sleep 0.02; done
  [ ! -e "$1/length-256/result.json" ] || fail "$1 was over too soon"
  kill "-$3" $process 2>/dev/null || true; wait $process 2>/dev/null || true
}
stop_at killed length-128/checkpoints/step-00000000 KILL
stop_at killed length-256/checkpoints/step-00000005 KILL
stop_at killed length-256/checkpoints/step-00000010 INT
extend run_dir=killed >/dev/null || fail 'going on'
compare killed

# Without optimizer state.
"$mabert" export short exported --dtype bfloat16 >/dev/null 2>>log
small=('extend.stages=[{length: 96, steps: 2}]' train.validate_every=0 train.validation_batches=1)
"$mabert" extend extend.yaml model.init_from=exported run_dir=anew extend.carry.optimizer=false extend.positions=interpolate "${small[@]}" \
  extend.report.lengths='[100000]' >/dev/null 2>anew.log || fail 'from weights only'
grep -q 'no context report: the longest held-out document has' anew.log || fail 'nothing said of the report left out'
grep -q '"report": null' anew/result.json || fail 'a report that is not there'

expect() {  # expect CODE PATTERN SETTING...
  local code=$1 pattern=$2 got; shift 2
  "$mabert" extend extend.yaml "$@" >out.log 2>err.log </dev/null && got=0 || got=$?
  if [ "$got" -ne "$code" ] || ! grep -qE -- "$pattern" err.log; then
    fail "$*"; printf '  expected exit %s and /%s/, got %s: %s\n' "$code" "$pattern" "$got" "$(tail -n 3 err.log)"
  fi
}
from=model.init_from=short
expect 2 'model.init_from: expected the run' run_dir=bad
expect 4 'nowhere' model.init_from=nowhere run_dir=bad
expect 4 'holds weights only.*extend.carry.optimizer=false' model.init_from=exported run_dir=bad
expect 2 'batch.sequences: expected none' $from run_dir=bad batch.tokens=null batch.sequences=4
expect 4 "tensor 'encoder.*configured as" $from run_dir=bad model.width=64
expect 2 'another configuration' $from run_dir=straight optimizer.learning_rate=0.5
expect 2 'already holds an extension' $from run_dir=straight train.resume=never
expect 4 'no extension to go on with' $from run_dir=bad train.resume=must
expect 2 'another configuration|began with the weights of' model.init_from=exported run_dir=straight
best=short/checkpoints/$(cat short/checkpoints/best); cp -r "$best" kept; cp -r exported/. "$best/"
expect 2 'began with the weights of' $from run_dir=straight
cmp before.json straight/result.json || fail 'a start that was refused changed the result'
rm -r "$best"; mv kept "$best"
awk 'NR > 100' text.txt >other.txt
"$mabert" tokenizer "$here/tiny.yaml" "${settings[@]}" tokenizer.inputs=[other.txt] tokenizer.output=other.model >/dev/null 2>>log
"$mabert" shard "$here/tiny.yaml" "${settings[@]}" shards.tokenizer=other.model shards.output=other >/dev/null 2>>log
expect 2 'another tokenizer' $from run_dir=bad data.shards=other
[ ! -e bad/length-128/checkpoints/last ] || fail 'an extension began with bad input'

[ $failures -eq 0 ] || { echo "$failures failed"; tail -n 5 log; exit 1; }
echo 'all passed'
