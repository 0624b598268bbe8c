#!/usr/bin/env bash
# From a clone to a pretrained model that fills masks: installs what is missing, builds, prepares real English text,
# trains a tokenizer, pretrains mabert-tiny (about 10 minutes on 2 cores) and fills masks in five sentences.
# A second run redoes nothing that is done and needs no network.
#
#   tools/quickstart.sh                 the whole path, results under quickstart/
#   tools/quickstart.sh --steps N       pretrain only N steps (a quick check that everything works; a run of its own)
#   tools/quickstart.sh --dir DIR       put text, shards and run under DIR
set -euo pipefail
from=$PWD
cd "$(dirname "$0")/.."
dir=quickstart; run=run; overrides=()
while [ $# -gt 0 ]; do
  case $1 in
    --steps) [[ "${2:-}" =~ ^[1-9][0-9]*$ ]] || { echo 'quickstart: --steps expects a positive number' >&2; exit 2; }
             overrides+=("train.steps=$2" "schedule.warmup_steps=$(( $2 / 10 ))"); run=run-$2-steps; shift 2 ;;
    --dir) [ -n "${2:-}" ] || { echo 'quickstart: --dir expects a folder' >&2; exit 2; }
           case $2 in /*) dir=$2 ;; *) dir=$from/$2 ;; esac; shift 2 ;;
    -h|--help) sed -n '2,9p' "$0"; exit 0 ;;
    *) echo "quickstart: unknown argument $1 (see --help)" >&2; exit 2 ;;
  esac
done
preset=${MABERT_PRESET:-cpu-release}
say() { printf '\n== %s\n' "$*"; }

say '1/6 dependencies'
tools/install_dependencies.sh
packages=(dict-gcide bible-kjv bible-kjv-text)
if [ ! -s "$dir/text/dictionary.txt" ] || [ ! -s "$dir/text/bible.txt" ]; then
  if ! dpkg-query -W -f '${Status}\n' "${packages[@]}" 2>/dev/null | awk '!/ok installed/ {bad = 1} END {exit bad || NR < 3}'; then
    sudo=''; [ "$(id -u)" -eq 0 ] || sudo=sudo
    $sudo apt-get update -qq
    $sudo env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "${packages[@]}" >/dev/null
  fi
fi

say '2/6 build'
cmake --preset "$preset" >/dev/null
cmake --build "build/$preset" --target mabert
mabert=build/$preset/tools/mabert

say '3/6 text'
tools/prepare_sample_text.sh "$dir/text"
wc -w "$dir"/text/*.txt

config=configs/pretrain/quickstart.yaml
overrides+=("tokenizer.inputs=[$dir/text]" "tokenizer.output=$dir/tokenizer.model" "shards.inputs=[$dir/text]"
            "shards.tokenizer=$dir/tokenizer.model" "shards.output=$dir/shards" "data.shards=$dir/shards" "run_dir=$dir/$run")
say '4/6 tokenizer and shards'
[ -s "$dir/tokenizer.model" ] || $mabert tokenizer $config "${overrides[@]}"
[ -s "$dir/shards/train/index.json" ] || $mabert shard $config "${overrides[@]}"

say '5/6 pretraining'
$mabert pretrain $config "${overrides[@]}"

say '6/6 filling masks'
$mabert predict "$dir/$run" --top 5 <<'TEXT'
And God said unto [MASK], Go down into the city.
The king of [MASK] sent his servants to the house of David.
Acrimony: The [MASK] or state of being bitter.
Oak: A tree or [MASK] of the genus Quercus.
In the beginning God [MASK] the heaven and the earth.
TEXT
say "done: look at $dir/$run, or try: echo 'A kind of [MASK].' | $mabert predict $dir/$run"
