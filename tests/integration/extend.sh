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
grep -q '^- source, positions tiled: short/checkpoints' straight/context/context.md || fail 'the report lacks the source'
grep -q '^- extended: straight/length-256/checkpoints/step-00000015;' straight/context/context.md || fail 'the report is not on the last checkpoint'
grep -q 'clustered by document' straight/context/context.md || fail 'the report does not say what its errors are'
grep -q '"train": "[0-9a-f]*"' straight/source.json && grep -q '"valid": "[0-9a-f]*"' straight/source.json || fail 'the source lacks the data'
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
stop_at() {  # stop_at RUN FILE SIGNAL CODE SETTING...: when the file appears
  local run=$1 file=$2 signal=$3 code=$4 got process; shift 4
  # A shell starts what runs in the background with SIGINT ignored; the program takes it all the same.
  "$mabert" extend extend.yaml model.init_from=short run_dir="$run" "$@" >/dev/null 2>>log & process=$!
  for _ in $(seq 1000); do [ -e "$run/$file" ] && break; sleep 0.01; done
  [ ! -e "$run/result.json" ] || fail "$run was over too soon"
  kill "-$signal" $process 2>/dev/null || true; wait $process 2>/dev/null && got=0 || got=$?
  [ $got -eq "$code" ] || fail "$run: exit status $got after SIG$signal at $file"
}
stop_at killed length-128/checkpoints/step-00000000 KILL 137
stop_at killed length-256/checkpoints/step-00000005 KILL 137
stop_at killed length-256/checkpoints/step-00000010 INT 130
extend run_dir=killed >/dev/null || fail 'going on'
compare killed

# A stage that was only begun is begun anew, whatever its first checkpoint holds; nothing else is repeated.
cp -r straight half; rm -r half/result.json half/length-256; mkdir -p half/length-256/checkpoints/step-00000000
echo damaged >half/length-256/checkpoints/step-00000000/manifest.json; echo step-00000000 >half/length-256/checkpoints/last
before=$(stat -c %Y.%i half/length-128/result.json)
extend run_dir=half >/dev/null || fail 'beginning a stage anew'
compare half
[ "$before" = "$(stat -c %Y.%i half/length-128/result.json)" ] || fail 'the stage before was trained again'

# Interrupted in its report, an extension repeats only that.
cp -r straight stopped; rm -r stopped/result.json stopped/context
before=$(stat -c %Y.%i stopped/length-256/result.json)
stop_at stopped context INT 130 extend.report.window=4 extend.report.windows=0
[ ! -e stopped/result.json ] && [ ! -e stopped/context/context.md ] || fail 'a report that was interrupted is there'
extend run_dir=stopped >/dev/null || fail 'a report again'
compare stopped
[ "$before" = "$(stat -c %Y.%i stopped/length-256/result.json)" ] || fail 'training was repeated for a report'

# Without optimizer state, on documents too short for a report: that is said first.
bash "$here/fixture_text.sh" 60 >brief.txt
"$mabert" shard "$here/tiny.yaml" "${settings[@]}" 'shards.inputs=[brief.txt]' shards.output=brief >/dev/null 2>>log
"$mabert" export short exported --dtype bfloat16 >/dev/null 2>>log
small=('extend.stages=[{length: 256, steps: 2}]' train.validate_every=0 train.validation_batches=1)
"$mabert" extend extend.yaml model.init_from=exported run_dir=anew extend.carry.optimizer=false extend.positions=interpolate "${small[@]}" \
  data.shards=brief >/dev/null 2>anew.log || fail 'from weights only'
head -n 1 anew.log | grep -q '^warning: there will be no context report: the longest held-out document has' || fail 'nothing said of the report left out'
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
expect 2 'train.steps: expected none, since extend.stages says it, got 7' $from run_dir=bad train.steps=7
expect 2 'extend.report.lengths: the longest held-out document has [0-9]+ tokens, 99998 are needed' $from run_dir=bad extend.report.lengths='[100000]'
expect 2 'run_dir: short: holds another run' $from run_dir=short
expect 2 'is a stage of the extension' $from run_dir=straight/length-512
[ ! -e straight/length-512 ] || fail 'something was written in a run directory that was refused'
expect 2 'holds length-256, which is not one of extend.stages' $from run_dir=straight 'extend.stages=[{length: 128, steps: 15}]'
expect 2 'the checkpoint to start from' model.init_from=straight/length-256 run_dir=straight 'extend.stages=[{length: 512, steps: 2}]'
cp -r straight lost; rm -r lost/result.json lost/length-256/checkpoints
expect 4 'lost/length-256: was trained up to step 15, but has no checkpoint' $from run_dir=lost
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
mv shards kept; cp -r brief shards
expect 2 "began with other data than the 'train' shards" $from run_dir=straight
rm -r shards; mv kept shards
[ ! -e bad/length-128/checkpoints/last ] || fail 'an extension began with bad input'

[ $failures -eq 0 ] || { echo "$failures failed"; tail -n 5 log; exit 1; }
echo 'all passed'
