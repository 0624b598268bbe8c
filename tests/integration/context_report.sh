#!/usr/bin/env bash
# Loss by visible context on a small fixture, through the program: table, JSON, files, the same answer twice, a model with
# fewer positions than the longest context, and what bad arguments do.
#
#   context_report.sh MABERT
set -uo pipefail
[ $# -eq 1 ] || { sed -n '2,5p' "$0"; exit 2; }
mabert=$1; here=$(cd "$(dirname "$0")" && pwd)
work=$(mktemp -d); trap 'rm -rf "$work"' EXIT
cd "$work"
failures=0
fail() { failures=$((failures + 1)); printf 'FAILED: %s\n' "$*"; }

# Short documents to learn from; long ones, held out, made of the same sentences.
bash "$here/fixture_text.sh" 100 >text.txt
awk 'NF {printf "%s", $0; if (++n % 60 == 0) print "\n"}' text.txt >long.txt
settings=("tokenizer.inputs=[text.txt]" tokenizer.output=tokenizer.model "shards.inputs=[text.txt]" "shards.valid_inputs=[long.txt]"
          shards.tokenizer=tokenizer.model shards.output=shards data.shards=shards train.threads=1 train.steps=4 train.validate_every=4
          train.checkpoint_every=4)
for verb in tokenizer shard; do
  "$mabert" $verb "$here/tiny.yaml" "${settings[@]}" >/dev/null 2>log || { cat log; fail "$verb"; }
done
for positions in 64 160; do
  "$mabert" pretrain "$here/tiny.yaml" "${settings[@]}" run_dir=run$positions model.positions.max_length=$positions >/dev/null 2>log ||
    { cat log; fail "pretrain with $positions positions"; }
done

context=("$mabert" report context run160 run64 --names a,b --lengths 34,64,160 --window 16)
"${context[@]}" --out report >table.md 2>log || { cat log; fail 'report context'; }
for file in context.json context.md context.svg; do [ -s report/$file ] || fail "no $file"; done
cmp -s table.md report/context.md || fail 'what is printed is not what is written'
grep -q '^| Model | *34 | *64 | *160 |$' table.md || fail 'no table of losses'
grep -q '^- Masks: 12.5 % of the tokens' table.md || fail 'masks that are not those made'
grep -q 'positions: learned, 64 tiled to 160' table.md || fail 'positions of run64 not tiled'
grep -q 'positions: learned, 160;' table.md || fail 'positions of run160 changed'
[ "$(grep -cE '^- [ab]: (rises by|does not rise|not known)' table.md)" -eq 2 ] || fail 'no verdict for each model'
"${context[@]}" --json >again.json 2>log && cmp -s again.json report/context.json || fail 'a second report differs'
# Losses of a model that has hardly learned stand near ln 64 at every length.
grep -oE '"loss": [0-9.]+' again.json | awk '{n += ($2 > 2 && $2 < 6)} END {exit !(NR == 6 && n == 6)}' || fail "losses: $(cat again.json)"
# The short lengths do not depend on the long ones that stand beside them.
"$mabert" report context run64 --names b --lengths 34,64 --window 16 --json 2>log | grep '"loss"' >short.txt
[ -s short.txt ] || fail "two lengths: $(cat log)"
"$mabert" report context run64 --shards shards/valid --lengths 34,64 --window 16 --windows 3 --growth interpolate 2>log |
  grep -q '^- Target windows: 3 of 16 tokens, evenly spread' || fail "three windows: $(cat log)"

# expect CODE PATTERN ARGUMENT...: exit code and one line.
expect() {
  local code=$1 pattern=$2 got; shift 2
  "$mabert" report context "$@" >out.log 2>err.log; got=$?
  if [ "$got" -ne "$code" ] || [ "$(grep -c '' err.log)" -ne 1 ] || [ -s out.log ] || ! grep -qE -- "$pattern" err.log; then
    fail "$*"; printf '  expected exit %s and one line with /%s/\n  got exit %s: %s\n' "$code" "$pattern" "$got" "$(cat err.log)"
  fi
}
expect 2 'runs is required' --lengths 34
expect 2 'lengths: expected rising ones, got 64 after 64' run64 --lengths 34,64,64 --window 16
expect 2 'lengths: expected at least 18' run64 --lengths 17,64 --window 16
expect 2 'window: expected at least 1' run64 --lengths 34,64 --window 0
expect 2 'names: expected 1' run64 --names a,b --lengths 34 --window 16
expect 2 'names: expected UTF-8' run64 --names $'a\xff' --lengths 34 --window 16
expect 3 'text.txt/report: cannot create' run64 --lengths 34,64 --window 16 --out text.txt/report
expect 2 'run64: given twice' run64 run64 --lengths 34 --window 16
expect 2 'growth' run64 --growth stretch
expect 2 'device' run64 --device gpu --lengths 34 --window 16
expect 3 'context of 100000 needs a document of at least 99998 tokens, but the longest has [0-9]+; give' run64 --lengths 34,100000 --window 16
expect 3 'absent.*no shards here' run64 --shards absent
expect 4 'nowhere' nowhere
"$mabert" tokenizer "$here/tiny.yaml" "${settings[@]}" tokenizer.output=other.model tokenizer.vocabulary_size=60 >/dev/null 2>&1
"$mabert" shard "$here/tiny.yaml" "${settings[@]}" shards.tokenizer=other.model shards.output=others >/dev/null 2>&1
expect 3 'run64.*its tokenizer .* is not the one that made the shards others/valid' run64 --shards others/valid --lengths 34 --window 16

[ "$failures" -eq 0 ] || { echo "$failures failed"; exit 1; }
echo 'the report is as it should be'
