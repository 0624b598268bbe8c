#!/usr/bin/env bash
# Fetches the GLUE data sets from where the benchmark publishes them, or checks a folder that is there already: the numbers
# of rows must be the official ones. What is there and right is not fetched again; an interrupted download goes on.
#
#   tools/get_glue.sh [DIR]            fetch into DIR (default data/glue), then check
#   tools/get_glue.sh --check [DIR]    only check
#   GLUE_MIRROR=URL …                  fetch from a copy of dl.fbaipublicfiles.com, e.g. file:///mnt/mirror
#
# Needs curl or wget, and unzip or python3. Exit code 1: something is missing or not as it should be; the table says what.
# The data sets have licences of their own, several for research only: see https://gluebenchmark.com/tasks.
set -uo pipefail
die() { echo "get_glue.sh: $*" >&2; exit 2; }
check_only=''; dir=''
while [ $# -gt 0 ]; do
  case $1 in
    -h|--help) sed -n '2,10p' "$0"; exit 0 ;;
    --check) check_only=1; shift ;;
    -*) die "unknown option $1 (see --help)" ;;
    *) [ -z "$dir" ] || die "unexpected $1 (see --help)"; dir=${1%/}; shift ;;
  esac
done
dir=${dir:-data/glue}
[ -z "$check_only" ] || [ -d "$dir" ] || die "$dir: no such folder"
mirror=${GLUE_MIRROR:-https://dl.fbaipublicfiles.com}; mirror=${mirror%/}

# Task, file, rows of the official release. CoLA's train and dev have no header line.
sets='CoLA train 8551
CoLA dev 1043
CoLA test 1063
SST-2 train 67349
SST-2 dev 872
SST-2 test 1821
MRPC train 3668
MRPC dev 408
MRPC test 1725
STS-B train 5749
STS-B dev 1500
STS-B test 1379
QQP train 363846
QQP dev 40430
QQP test 390965
MNLI train 392702
MNLI dev_matched 9815
MNLI dev_mismatched 9832
MNLI test_matched 9796
MNLI test_mismatched 9847
QNLI train 104743
QNLI dev 5463
QNLI test 5463
RTE train 2490
RTE dev 277
RTE test 3000
WNLI train 635
WNLI dev 71
WNLI test 146
AX AX 1104'
tasks='CoLA SST-2 MRPC STS-B QQP MNLI QNLI RTE WNLI AX'
archive_of() { case $1 in QQP) echo QQP-clean.zip ;; QNLI) echo QNLIv2.zip ;; *) echo "$1.zip" ;; esac; }

# rows FILE EXPECTED: lines below the header; or, where that is the expected number, those with all fields: an official file
# may hold broken lines, which its official number leaves out.
rows() {
  local header=1
  case $1 in */CoLA/train*|*/CoLA/dev*) header=0 ;; esac
  case $1 in *.xz) xz -dc "$1" ;; *) cat "$1" ;; esac | LC_ALL=C awk -F '\t' -v header=$header -v expected="$2" '
    NR == 1 { fields = NF }
    NR > header { all++; if (NF >= fields) complete++; if (NF == fields) exact++ }
    END { print (complete + 0 == expected ? complete : exact + 0 == expected ? exact : all) + 0 }'
}

# state TASK SET EXPECTED: "ok", "missing", or what is there instead.
state() {
  local file=$dir/$1/$2.tsv count other found=()
  if [ "$1" = AX ] && [ ! -s "$file" ]; then file=$dir/AX/diagnostic.tsv; fi
  if [ -s "$file" ]; then
    count=$(rows "$file" "$3")
    if [ "$count" -eq "$3" ]; then echo ok; else echo "$(basename "$file") has $count rows, expected $3"; fi
    return
  fi
  for other in "$dir/$1/$2"*.tsv "$dir/$1/$2"*.tsv.xz; do  # parts of a set, under other names
    if [ -s "$other" ]; then found+=("$(basename "$other") has $(rows "$other" "$3")"); fi
  done
  if [ ${#found[@]} -eq 0 ]; then echo missing; return; fi
  printf -v other '%s, ' "${found[@]}"; echo "no $2.tsv (${other%, }), expected $3"
}

check() {  # prints the table; fails unless all is there
  local task name expected said all=0 cells problems=()
  printf '%-6s %-24s %-24s %s\n' task train dev test
  for task in $tasks; do
    declare -A cells=([train]='' [dev]='' [test]='')
    while read -r name expected; do
      said=$(state "$task" "$name" "$expected")
      case $said in
        ok) said="ok $expected" ;;
        missing) problems+=("$dir/$task/$name.tsv: missing"); said=missing; all=1 ;;
        *) problems+=("$dir/$task: $said"); said='wrong count'; all=1 ;;
      esac
      case $name in AX) name=test ;; *) name=${name%%_*} ;; esac
      cells[$name]+=${cells[$name]:+ / }$said
    done < <(sed -n "s/^$task //p" <<<"$sets")
    printf '%-6s %-24s %-24s %s\n' "$task" "${cells[train]:--}" "${cells[dev]:--}" "${cells[test]:--}"
  done
  [ "$all" -eq 0 ] || { printf '\n'; printf '%s\n' "${problems[@]}"; }
  return "$all"
}

complete() {  # TASK: all its files are there and right
  local name expected
  while read -r name expected; do [ "$(state "$1" "$name" "$expected")" = ok ] || return 1; done < <(sed -n "s/^$1 //p" <<<"$sets")
}

download() {  # PATH-ON-THE-HOST FILE
  local url=$mirror/$1 part=$2.part code begun
  [ -s "$2" ] && return 0
  while :; do
    [ -s "$part" ] && begun=1 || begun=''
    echo "fetching $url${begun:+ (the rest)}" >&2
    if command -v curl >/dev/null; then
      curl -fL --retry 3 --connect-timeout 20 -sS -C - -o "$part" "$url"; code=$?
    else
      wget -q -c --tries=3 --timeout=20 -O "$part" "$url"; code=$?
    fi
    [ $code -ne 0 ] || break
    [ -s "$part" ] || rm -f "$part"
    # What the host says when a part cannot be continued, as one that is complete cannot: then once more from the start.
    case $begun$code in 122|133|136|18) rm -f "$part" ;; *) return 1 ;; esac
  done
  mv "$part" "$2"
}

unpack() {  # ARCHIVE FOLDER
  rm -rf "$2"; mkdir -p "$2"
  if command -v unzip >/dev/null; then unzip -q -o "$1" -d "$2"; else python3 -m zipfile -e "$1" "$2"; fi
}

place() {  # FILE TASK: into the task's folder, complete or not at all
  mkdir -p "$dir/$2" && mv "$1" "$dir/$2/"
}

fetch_archive() {  # TASK
  local archive=$cache/$(archive_of "$1") name expected file
  download "glue/data/$(archive_of "$1")" "$archive" || return 1
  if ! unpack "$archive" "$cache/$1.part"; then
    echo "$archive: damaged; removed" >&2
    rm -rf "$archive" "$cache/$1.part"
    return 1
  fi
  while read -r name expected; do
    file=$(find "$cache/$1.part" -path "*/$1/$name.tsv" -not -path '*/__MACOSX/*' -print -quit)
    [ -z "$file" ] || place "$file" "$1"
  done < <(sed -n "s/^$1 //p" <<<"$sets")
  rm -rf "$cache/$1.part"
}

# MRPC comes as the files of its authors and the ids of the pairs that are GLUE's dev set.
fetch_mrpc() {
  local part=$cache/MRPC.part train=$cache/msr_paraphrase_train.txt test=$cache/msr_paraphrase_test.txt
  download senteval/senteval_data/msr_paraphrase_train.txt "$train" &&
    download senteval/senteval_data/msr_paraphrase_test.txt "$test" &&
    download glue/data/mrpc_dev_ids.tsv "$cache/dev_ids.tsv" || return 1
  rm -rf "$part"; mkdir -p "$part"
  LC_ALL=C awk -F '\t' -v OFS='\t' -v folder="$part" '
    BEGIN {
      head = "Quality\t#1 ID\t#2 ID\t#1 String\t#2 String"
      print head >(folder "/train.tsv"); print head >(folder "/dev.tsv")
    }
    { sub(/\r$/, "") }
    NR == FNR { is_dev[$1, $2] = 1; next }
    FNR > 1 && NF == 5 { print $1, $2, $3, $4, $5 >(folder (($2, $3) in is_dev ? "/dev.tsv" : "/train.tsv")) }' \
    "$cache/dev_ids.tsv" "$train" &&
    LC_ALL=C awk -F '\t' -v OFS='\t' '
      BEGIN { print "index\t#1 ID\t#2 ID\t#1 String\t#2 String" }
      { sub(/\r$/, "") }
      FNR > 1 && NF == 5 { print n++ + 0, $2, $3, $4, $5 }' "$test" >"$part/test.tsv" || return 1
  for name in train dev test; do place "$part/$name.tsv" MRPC; done
  rm -rf "$part"
}

fetch_ax() { download glue/data/AX.tsv "$cache/AX.tsv" && place "$cache/AX.tsv" AX; }

if [ -z "$check_only" ]; then
  command -v curl >/dev/null || command -v wget >/dev/null || die 'expected curl or wget, got neither'
  command -v unzip >/dev/null || command -v python3 >/dev/null || die 'expected unzip or python3, got neither'
  cache=$dir/.download
  mkdir -p "$cache" || exit 2
  for task in $tasks; do
    complete "$task" && continue
    case $task in MRPC) fetch_mrpc ;; AX) fetch_ax ;; *) fetch_archive "$task" ;; esac ||
      echo "$task: could not be fetched" >&2
  done
fi
if check; then
  [ -n "$check_only" ] || rm -rf "$dir/.download"
  exit 0
fi
cat <<TEXT

Not everything is there. A file fetched by hand from https://gluebenchmark.com/tasks goes to the place named above: a
folder for each task, tab-separated files as in the official archives (MRPC: train.tsv, dev.tsv and test.tsv in GLUE's
split). Training works with what is there; numbers on other sets than the official ones are not comparable with papers.
TEXT
exit 1
