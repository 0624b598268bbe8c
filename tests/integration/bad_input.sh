#!/usr/bin/env bash
# Gives the program every kind of bad input that a user can; each must end with its exit code, one line on standard error
# that names the place, and nothing half-written. Exit code 77: all that was tried passed, but a full disk could not be tried.
#
#   bad_input.sh MABERT
set -uo pipefail
[ $# -eq 1 ] || { sed -n '2,6p' "$0"; exit 2; }
mabert=$1; here=$(cd "$(dirname "$0")" && pwd)
work=$(mktemp -d); mounted=
trap '[ -z "$mounted" ] || umount "$mounted"; rm -rf "$work"' EXIT
failures=0
cd "$work"
bash "$here/fixture_text.sh" 120 >text.txt
common=("tokenizer.inputs=[text.txt]" tokenizer.output=tokenizer.model "shards.inputs=[text.txt]" shards.tokenizer=tokenizer.model
        shards.output=shards shards.valid_fraction=0.1 data.shards=shards run_dir=run train.steps=4 train.log_every=2
        train.validate_every=2 train.checkpoint_every=2)

fail() { failures=$((failures + 1)); printf 'FAILED: %s\n' "$*"; }
absent() { [ ! -e "$1" ] || fail "$1 was left behind"; }

# What may stand beside the one line: progress of reading, and the log of a run that trains before it fails.
progress='^(learning [0-9]+ pieces|reading text:|encoding:) '
training='^[0-9]{2}:[0-9]{2}:[0-9]{2} '

# expect CODE PATTERN COMMAND...: the command ends with CODE and says one line, which matches PATTERN; no unfinished file
# is left anywhere.
expect() { expect_beside "$progress" "$@"; }
expect_beside() {
  local beside=$1 code=$2 pattern=$3 got said left; shift 3
  "$@" >out.log 2>err.log </dev/null; got=$?
  said=$(grep -vE -- "$beside" err.log)
  left=$(find . -name '*.part*')
  if [ "$got" -ne "$code" ] || [ "$(grep -c '' <<<"$said")" -ne 1 ] || [ -z "$said" ] || ! grep -qE -- "$pattern" <<<"$said"; then
    fail "$*"; printf '  expected exit %s and one line with /%s/\n  got exit %s: %s\n' "$code" "$pattern" "$got" "$(cat err.log)"
  elif [ -n "$left" ]; then
    fail "$*"; printf '  left behind: %s\n' $left; rm -rf $left
  else
    printf 'ok %s: %s\n' "$code" "$said"
  fi
}
tiny=$here/tiny.yaml

# Command line and configuration.
expect 2 'subcommand' "$mabert"
expect 2 'expected a configuration' "$mabert" pretrain
expect 2 'absent.yaml' "$mabert" pretrain absent.yaml
expect 2 'did you mean .heads' "$mabert" pretrain "$tiny" model.blocks.transformer.mixer.head=2
expect 2 'train.steps: expected' "$mabert" pretrain "$tiny" train.steps=many
expect 2 'heads' "$mabert" pretrain "$tiny" "${common[@]}" model.blocks.transformer.mixer.heads=3
expect 2 'max_length' "$mabert" pretrain "$tiny" "${common[@]}" samples.max_length=65
expect 2 'device' "$mabert" pretrain "$tiny" "${common[@]}" train.device=gpu
printf 'model: {width: 32}\nmodel: {width: 64}\n' >twice.yaml
expect 2 'twice.yaml:2' "$mabert" pretrain twice.yaml

# Text.
expect 2 'tokenizer.inputs' "$mabert" tokenizer "$tiny"
expect 3 'absent.txt' "$mabert" tokenizer "$tiny" "${common[@]}" 'tokenizer.inputs=[absent.txt]'
: >empty.txt
expect 3 'no text' "$mabert" tokenizer "$tiny" "${common[@]}" 'tokenizer.inputs=[empty.txt]'
printf 'fine\nbroken \xff byte\n' >broken.txt
expect 3 'broken.txt:2' "$mabert" tokenizer "$tiny" "${common[@]}" 'tokenizer.inputs=[broken.txt]'
printf '{"text": "fine"}\n{"txt": "no"}\n' >rows.jsonl
expect 3 'rows.jsonl:2' "$mabert" tokenizer "$tiny" "${common[@]}" 'tokenizer.inputs=[rows.jsonl]'
expect 2 'at most [0-9]+' "$mabert" tokenizer "$tiny" "${common[@]}" tokenizer.vocabulary_size=5000
absent tokenizer.model

# Shards.
expect 3 'tokenizer.model' "$mabert" shard "$tiny" "${common[@]}"
expect 3 'shards' "$mabert" pretrain "$tiny" "${common[@]}"
absent run
"$mabert" tokenizer "$tiny" "${common[@]}" >/dev/null 2>&1 || { echo 'FAILED: tokenizer'; exit 1; }
"$mabert" shard "$tiny" "${common[@]}" >/dev/null 2>&1 || { echo 'FAILED: shard'; exit 1; }
expect 2 'vocabulary_size' "$mabert" pretrain "$tiny" "${common[@]}" model.vocabulary_size=50
absent run
"$mabert" pretrain "$tiny" "${common[@]}" >/dev/null 2>&1 || { echo 'FAILED: pretrain'; exit 1; }
expect 0 '' "$mabert" pretrain "$tiny" "${common[@]}"
expect 2 'run_dir|run directory' "$mabert" pretrain "$tiny" "${common[@]}" optimizer.learning_rate=0.1
cp -r shards damaged; truncate -s -2 damaged/train/shard-00000.bin
expect 3 'shard-00000.bin' "$mabert" pretrain "$tiny" "${common[@]}" data.shards=damaged run_dir=other
cp shards/train/shard-00000.bin damaged/train/; printf '\xff\xff' | dd of=damaged/train/shard-00000.bin bs=1 seek=$(($(stat -c %s shards/train/shard-00000.bin) - 2)) conv=notrunc 2>/dev/null
expect 3 'shard-00000.bin' "$mabert" pretrain "$tiny" "${common[@]}" data.shards=damaged run_dir=other2
absent other; absent other2

# Checkpoints.
expect 4 'nowhere' "$mabert" predict nowhere
expect 4 'none.dir' bash -c "mkdir -p none.dir && '$mabert' evaluate none.dir"
cp -r run hurt; rm -rf hurt/checkpoints/step-00000002 hurt/result.json
printf 'X' | dd of=hurt/checkpoints/step-00000004/model.safetensors bs=1 seek=5000 conv=notrunc 2>/dev/null
printf 'step-00000004\n' >hurt/checkpoints/best
expect 4 'model.safetensors' "$mabert" evaluate hurt
expect_beside "$training" 4 'model.safetensors' "$mabert" pretrain "$tiny" "${common[@]}" run_dir=hurt train.steps=4

# Prediction.
printf 'no mask here\n' >nomask.txt; expect 2 'nomask.txt:1' "$mabert" predict run --input nomask.txt
yes 'The river flows' | head -n 60 | tr '\n' ' ' >long.txt; echo '[MASK]' >>long.txt
expect 2 'long.txt:1.*at most 64' "$mabert" predict run --input long.txt
printf 'bad \xff [MASK]\n' >bad.txt; expect 3 'bad.txt:1' "$mabert" predict run --input bad.txt

# A full disk, where a small file system may be made.
mkdir small
if mount -t tmpfs -o size=200k tmpfs small 2>mount.log; then
  mounted=$work/small
  head -c 1M /dev/zero >small/filler 2>/dev/null
  expect 5 'small/tokenizer.model.*disk is full' "$mabert" tokenizer "$tiny" "${common[@]}" tokenizer.output=small/tokenizer.model
  absent small/tokenizer.model
  expect 5 'small/shards.*disk is full' "$mabert" shard "$tiny" "${common[@]}" shards.output=small/shards
  absent small/shards
  rm small/filler
  expect_beside "$training" 5 'small/run.*disk is full' "$mabert" pretrain "$tiny" "${common[@]}" run_dir=small/run
  [ -z "$(find small -name 'step-*')" ] || fail 'half-written checkpoints'
else
  echo "full disk: not tried: $(cat mount.log)"
fi

[ "$failures" -eq 0 ] || { echo "$failures failed"; exit 1; }
[ -n "$mounted" ] || exit 77
echo 'every bad input was answered'
