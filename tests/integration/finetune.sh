#!/usr/bin/env bash
# A whole fine-tuning on a small fixture: pretrains a tiny model, fine-tunes it on pairs (two seeds, learning rates tried on
# a slice), checks what was learned, what is written, that finished runs are not repeated, that a killed one goes on to the
# same bits, and what bad rows do.
#
#   finetune.sh MABERT
set -euo pipefail
[ $# -eq 1 ] || { sed -n '2,6p' "$0"; exit 2; }
mabert=$1; here=$(cd "$(dirname "$0")" && pwd)
work=$(mktemp -d); trap 'rm -rf "$work"' EXIT
cd "$work"
failures=0
fail() { failures=$((failures + 1)); printf 'FAILED: %s\n' "$*"; }
number() { grep -oE "\"$1\": -?[0-9.e+-]+" "$2" | head -n 1 | sed 's/.*: //'; }
at_least() { awk -v a="$1" -v b="$2" 'BEGIN {exit !(a >= b)}' || fail "$3: expected at least $2, got $1"; }

# A pretrained model.
bash "$here/fixture_text.sh" 200 >text.txt
settings=("tokenizer.inputs=[text.txt]" tokenizer.output=tokenizer.model "shards.inputs=[text.txt]"
          shards.tokenizer=tokenizer.model shards.output=shards shards.valid_fraction=0.1 data.shards=shards)
for verb in tokenizer shard; do "$mabert" $verb "$here/tiny.yaml" "${settings[@]}" >/dev/null 2>log; done
"$mabert" pretrain "$here/tiny.yaml" "${settings[@]}" run_dir=pretrained train.steps=60 >/dev/null 2>>log

# Pairs of sentences that name the same place or another one; the label is whether they agree.
pairs() {  # pairs ROWS SEED
  awk -v rows="$1" -v state="$2" 'BEGIN {
    split("north south east west", place, " "); split("river mountain city garden", subject, " ")
    print "index\tsentence1\tsentence2\tlabel"
    for (i = 0; i < rows; ++i) {
      state = (state * 1103 + 12345) % 2147483648; a = 1 + int(state / 64) % 2
      state = (state * 1103 + 12345) % 2147483648; s = 1 + int(state / 64) % 4
      print i "\tThe " subject[s] " flows quietly in the " place[a] ".\tThe " subject[5 - s] " flows gently.\t" (a == 1 ? "entailment" : "not_entailment")
    }
  }'
}
mkdir RTE; pairs 240 7 >RTE/train.tsv; pairs 60 99 >RTE/dev.tsv; pairs 20 5 | cut -f 1-3 >RTE/test.tsv
cat >rte.yaml <<'YAML'
task: {name: rte, folder: RTE, overlap: keep}  # so few sentences repeat themselves
samples: {max_length: 64}
batch: {sequences: 16}
optimizer: {learning_rate: 0.003}
train: {epochs: 4, log_every: 20, checkpoint_every: 0, keep_optimizer: false, device: cpu}
YAML
finetune() { "$mabert" finetune rte.yaml model.init_from=pretrained "$@" 2>>log; }

finetune run_dir=rte --seeds 2 'finetune.learning_rates=[0.001,0.003]' >out.txt || { tail -n 20 log; exit 1; }
cat out.txt
grep -q '± ' out.txt || fail 'no deviation over two seeds'
at_least "$(sed -nE 's/.*accuracy ([0-9.]+).*/\1/p' out.txt | head -n 1)" 0.9 'accuracy on what one word decides'
for file in rte/result.json rte/grid/lr-0.001/result.json rte/seed-1/predictions/dev.tsv rte/seed-2/submission/RTE.tsv; do
  [ -s "$file" ] || fail "$file is missing"
done
[ "$(head -n 1 rte/seed-1/submission/RTE.tsv)" = "$(printf 'index\tprediction')" ] || fail 'header of the submission'
[ "$(wc -l <rte/seed-1/submission/RTE.tsv)" -eq 21 ] || fail 'lines of the submission'

# Finished runs are not repeated, and the answer is the same.
before=$(stat -c %Y.%i rte/seed-1/result.json); cp rte/result.json before.json
finetune run_dir=rte --seeds 2 'finetune.learning_rates=[0.001,0.003]' >/dev/null || fail 'a second start'
[ "$before" = "$(stat -c %Y.%i rte/seed-1/result.json)" ] || fail 'a finished seed was trained again'
cmp before.json rte/result.json || fail 'the second start changed the result'
finetune run_dir=rte 'finetune.learning_rates=[0.003,0.001]' >fewer.txt || fail 'a start with fewer seeds'
grep -q '(1 seed)' fewer.txt && grep -q 'result.json (2 seeds)' fewer.txt || fail 'what a start with fewer seeds says'
cmp before.json rte/result.json || fail 'a start with fewer seeds lost one'

# Nothing of dev gets into what is learned and chosen: with every label of dev turned round, weights and rate are the same.
turned() {  # turned NAME SETTING...
  local name=$1 seed=seed-1; shift
  finetune run_dir="$name" "$@" >/dev/null || fail "$name"
  awk -F'\t' -v OFS='\t' 'NR > 1 {$4 = $4 == "entailment" ? "not_entailment" : "entailment"} {print}' RTE/dev.tsv >turned.tsv
  finetune run_dir="$name-turned" "$@" "task.dev=[$work/turned.tsv]" >/dev/null || fail "$name, turned"
  cmp "$name/$seed/checkpoints/$(cat "$name/$seed/checkpoints/last")/model.safetensors" \
    "$name-turned/$seed/checkpoints/$(cat "$name-turned/$seed/checkpoints/last")/model.safetensors" || fail "$name: dev changes the weights"
  [ "$(number learning_rate "$name/result.json")" = "$(number learning_rate "$name-turned/result.json")" ] || fail "$name: dev changes the rate"
  [ "$(number accuracy "$name/result.json")" != "$(number accuracy "$name-turned/result.json")" ] || fail "$name: dev was not turned"
}
turned last train.epochs=2 'finetune.learning_rates=[0.0005,0.003]'
turned stopping train.epochs=3 finetune.selection=early_stopping 'finetune.learning_rates=[0.0005,0.003]'

# The same seed again, killed on the way: the same weights, bit by bit.
finetune run_dir=straight >/dev/null || fail 'a straight run'
"$mabert" finetune rte.yaml model.init_from=pretrained run_dir=killed train.checkpoint_every=10 >/dev/null 2>>log &
process=$!
for _ in $(seq 200); do [ -e killed/seed-1/checkpoints/last ] && break; sleep 0.05; done
[ ! -e killed/seed-1/result.json ] || fail 'the run to kill was over too soon'
kill -9 $process 2>/dev/null || true; wait $process 2>/dev/null || true
finetune run_dir=killed train.checkpoint_every=10 >/dev/null || fail 'resuming'
weights() { echo "$1/seed-1/checkpoints/$(cat "$1/seed-1/checkpoints/last")/model.safetensors"; }
cmp "$(weights straight)" "$(weights killed)" || fail 'a resumed run has other weights'
cmp straight/seed-1/predictions/dev.tsv killed/seed-1/predictions/dev.tsv || fail 'a resumed run predicts otherwise'

# Selection by a slice and by dev; random weights.
finetune run_dir=early finetune.selection=early_stopping train.patience=2 train.epochs=8 >/dev/null || fail 'early stopping'
"$mabert" evaluate early --device cpu --json >early.json 2>>log || fail 'evaluating the selected checkpoint'
[ "$(number loss early.json)" = "$(grep -A9 '"sets"' early/seed-1/result.json | number loss /dev/stdin)" ] ||
  fail 'the numbers are not those of the selected checkpoint'
finetune run_dir=dev finetune.selection=dev train.epochs=2 >/dev/null || fail 'selection on dev'
grep -q '"selection": "dev"' dev/result.json || fail 'selection on dev is not in the result'
finetune run_dir=random finetune.random_weights=true train.epochs=1 >/dev/null || fail 'random weights'

# The fine-tuned model at work.
"$mabert" evaluate straight --device cpu --json >evaluated.json 2>>log || fail 'evaluate'
[ "$(number accuracy evaluated.json)" = "$(number accuracy straight/seed-1/result.json)" ] || fail 'evaluate differs from the run'
"$mabert" evaluate straight --device cpu --file RTE/dev.tsv --predictions tables >evaluated.txt 2>>log || fail 'evaluate --file'
cmp tables/dev.predictions.tsv straight/seed-1/predictions/dev.tsv || fail 'a table of predictions'
said=$(printf 'The city flows quietly in the north.\tThe river flows gently.\n' | "$mabert" predict straight --device cpu 2>>log)
[[ $said == entailment* || $said == not_entailment* ]] || fail "predict said '$said'"
"$mabert" export straight exported --dtype bfloat16 >/dev/null 2>>log || fail 'export'
"$mabert" evaluate exported --device cpu --json >exported.json 2>>log || fail 'evaluating an exported model'
at_least "$(number accuracy exported.json)" "$(awk -v a="$(number accuracy evaluated.json)" 'BEGIN {print a - 0.05}')" 'accuracy in bfloat16'
said=$(printf 'The city flows quietly in the north.\tThe river flows gently.\n\nA.\tB.\n' | "$mabert" predict straight --device cpu 2>>log | wc -l)
[ "$said" -eq 3 ] || fail "three lines gave $said answers"
mkdir -p table && cp -r rte table/ && "$mabert" report glue table >table.md 2>>log || fail 'report'
grep -q 'RTE' table.md || fail 'no RTE in the table'

# Going on from a fine-tuned model with other labels: its encoder and pooling.
cat >own.yaml <<'YAML'
task: {name: places, folder: ., train: [own.jsonl], overlap: keep, first: text, label: place, labels: [north, south, none]}
samples: {max_length: 32}
batch: {sequences: 16}
train: {epochs: 1, device: cpu, checkpoint_every: 0}
YAML
for i in $(seq 30); do printf '{"text": "It flows in the north %d", "place": "north"}\n{"text": "It flows in the south", "place": 1}\n' "$i"; done >own.jsonl
"$mabert" finetune own.yaml model.init_from=straight run_dir=own >/dev/null 2>>log || fail 'from a fine-tuned model, without dev'
"$mabert" evaluate own --device cpu --file own.jsonl >/dev/null 2>>log || fail 'evaluating a task without dev'

# A label for each word: a capitalised pair is a name.
words() {  # words SENTENCES SEED
  awk -v n="$1" -v state="$2" 'BEGIN {
    split("river mountain city garden", subject, " "); split("north south east west", place, " ")
    for (i = 0; i < n; ++i) {
      state = (state * 1103 + 12345) % 2147483648; a = 1 + int(state / 64) % 4
      state = (state * 1103 + 12345) % 2147483648; b = 1 + int(state / 64) % 4
      print "The\tO\n" subject[a] "\tB-THING\nflows\tO\nin\tO\nthe\tO\n" place[b] "\tB-PLACE\n" place[a] "\tI-PLACE\n"
    }
  }'
}
words 120 3 >words-train.tsv; words 40 77 >words-dev.tsv
cat >words.yaml <<'YAML'
task: {name: names, folder: ., train: [words-train.tsv], dev: [words-dev.tsv], kind: tokens, header: false, first: '#1', label: '#2',
       labels: [O, B-THING, B-PLACE, I-PLACE], metrics: [entity_f1], overlap: keep}
samples: {max_length: 48}
batch: {sequences: 8}
optimizer: {learning_rate: 0.01}
train: {epochs: 4, device: cpu, checkpoint_every: 0}
YAML
"$mabert" finetune words.yaml model.init_from=pretrained run_dir=words >out.txt 2>>log || fail 'labels of words'
cat out.txt
at_least "$(sed -nE 's/.*entity_f1 ([0-9.]+).*/\1/p' out.txt)" 0.95 'entity F1'
said=$(echo 'The garden flows in the south east' | "$mabert" predict words --device cpu 2>>log)
grep -qE '^south[[:space:]]B-PLACE' <<<"$said" || fail "predict said '$said'"

# Bad rows, one line each with the place.
expect() {  # expect CODE PATTERN COMMAND...
  local code=$1 pattern=$2 got; shift 2
  "$@" >out.log 2>err.log </dev/null && got=0 || got=$?
  if [ "$got" -ne "$code" ] || ! grep -qE -- "$pattern" err.log; then
    fail "$*"; printf '  expected exit %s and /%s/, got %s: %s\n' "$code" "$pattern" "$got" "$(tail -n 3 err.log)"
  else
    printf 'ok %s: %s\n' "$code" "$(grep -E -- "$pattern" err.log | head -n 1)"
  fi
}
bad() {  # bad PATTERN: with the rows of bad.tsv
  expect 3 "$1" "$mabert" finetune rte.yaml model.init_from=pretrained run_dir=bad "task.train=[$work/bad.tsv]"
  [ ! -e bad/seed-1/checkpoints ] || fail 'a run began with bad data'
}
header='index\tsentence1\tsentence2\tlabel\n'
row='0\tOne text.\tAnother.\tentailment\n'
printf "$header$row"'1\tOne text.\tentailment\n' >bad.tsv; bad 'bad.tsv:3: expected 4'
printf 'index\tpremise\tsentence2\tlabel\n'"$row" >bad.tsv; bad 'bad.tsv:1: .*sentence1'
printf "$header"'0\tOne.\tTwo.\tperhaps\n' >bad.tsv; bad 'bad.tsv:2: .*entailment.*perhaps'
printf "$header"'0\t\tTwo.\tentailment\n' >bad.tsv; bad 'bad.tsv:2: '
printf "$header"'0\tO\0ne.\tTwo.\tentailment\n' >bad.tsv; bad 'bad.tsv:2: .*NUL'
printf "$header"'0\tO\xffne.\tTwo.\tentailment\n' >bad.tsv; bad 'bad.tsv:2: .*UTF-8'
printf '\xEF\xBB\xBFindex\tsentence1\tsentence2\tlabel\r\n0\tOne.\tTwo.\tentailment\r\n1\tBroken.\r\n' >bad.tsv; bad 'bad.tsv:3: '
expect 3 'gone' "$mabert" finetune rte.yaml model.init_from=pretrained run_dir=bad task.folder=gone
expect 2 'model.init_from' "$mabert" finetune rte.yaml run_dir=bad
expect 4 'nowhere' "$mabert" finetune rte.yaml model.init_from=nowhere run_dir=bad
expect 2 'did you mean' "$mabert" finetune rte.yaml model.init_from=pretrained run_dir=bad task.name=rta
expect 2 'another configuration' "$mabert" finetune rte.yaml model.init_from=pretrained run_dir=straight train.epochs=9
expect 2 'fine-tuned' "$mabert" evaluate straight --baseline
expect 2 'no dev set' "$mabert" evaluate own --device cpu
expect 3 'absent.tsv: no such file' "$mabert" evaluate straight --device cpu --file absent.tsv
expect 2 'two sets' "$mabert" evaluate straight --device cpu --file RTE/dev.tsv --file "$work/RTE/dev.tsv" --predictions tables
expect 3 '60 of the 60 rows of dev' "$mabert" finetune rte.yaml model.init_from=pretrained run_dir=bad task.overlap=check "task.train=[$work/RTE/dev.tsv]"
expect 2 'max_minutes' "$mabert" finetune rte.yaml model.init_from=pretrained run_dir=bad train.max_minutes=1
cp RTE/dev.tsv dev.kept; cp turned.tsv RTE/dev.tsv
expect 2 'dev set is not' "$mabert" finetune rte.yaml model.init_from=pretrained run_dir=straight
mv dev.kept RTE/dev.tsv
expect 6 'not finite|NaN' "$mabert" finetune rte.yaml model.init_from=pretrained run_dir=bad-rate optimizer.learning_rate=1e30 train.epochs=1
expect 2 'none of them gave a score' "$mabert" finetune rte.yaml model.init_from=pretrained run_dir=bad-rates 'finetune.learning_rates=[1e29,1e30]'
expect 3 'two texts' "$mabert" predict straight --device cpu --input text.txt
{ printf "$header"; for i in $(seq 40); do printf "$row"; done; printf 'broken\n'; printf '9\tA.\tB.\t'; head -c 100000 /dev/zero | tr '\0' x; printf '\n'; } >bad.tsv
expect 0 '2 of 42 rows .*skipped' "$mabert" finetune rte.yaml model.init_from=pretrained run_dir=skip "task.train=[$work/bad.tsv]" \
  data.on_bad_row=skip train.epochs=1
{ printf "$header"; for i in $(seq 20); do printf "$row"; done; printf '9\t'; head -c 50000 /dev/zero | sed 's/\x0/x /g'; printf '\tB.\tentailment\n'; } >bad.tsv
expect 0 'shortened' "$mabert" finetune rte.yaml model.init_from=pretrained run_dir=long "task.train=[$work/bad.tsv]" train.epochs=1

[ $failures -eq 0 ] || { echo "$failures failed"; tail -n 5 log; exit 1; }
echo 'all passed'
