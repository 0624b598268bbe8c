#!/usr/bin/env bash
# tools/get_glue.sh against a mirror made up here, with the official numbers of rows: fetches, resumes, checks, and names what
# is missing. Exit code 77: without python3 or curl no mirror can be made or read.
#
#   get_glue_script.sh
set -uo pipefail
get=$(cd "$(dirname "$0")/../../tools" && pwd)/get_glue.sh
command -v python3 >/dev/null && command -v curl >/dev/null || { echo 'needs python3 and curl'; exit 77; }
work=$(mktemp -d); trap 'rm -rf "$work"' EXIT
cd "$work"
failures=0
fail() { failures=$((failures + 1)); printf 'FAILED: %s\n' "$*"; [ ! -f said.log ] || cat said.log; }
# expect CODE COMMAND...
expect() { local code=$1 got; shift; "$@" >said.log 2>&1; got=$?; [ $got -eq "$code" ] || fail "expected exit $code, got $got: $*"; }
says() { grep -qF -- "$1" said.log || fail "'$1' is not said"; }

python3 - <<'PYTHON'
import os, zipfile
data = "mirror/glue/data"
os.makedirs(data); os.makedirs("mirror/senteval/senteval_data")
def table(rows, header="a\tb\tc", row="x\ty\t0", last="\n"):
    return (header + "\n" if header else "") + "\n".join([row] * rows) + last
def archive(name, folder, files):
    with zipfile.ZipFile(f"{data}/{name}.zip", "w", zipfile.ZIP_DEFLATED) as z:
        for file, text in files.items(): z.writestr(f"{folder}/{file}.tsv", text)
cola = dict(header="", row="gj04\t1\t\tA \"sentence.")
archive("CoLA", "CoLA", {"train": table(8551, **cola), "dev": table(1043, **cola, last=""), "test": table(1063),
                         "original/raw/train": "not this one\n"})
archive("SST-2", "SST-2", {"train": table(67349), "dev": table(872), "test": table(1821)})
archive("STS-B", "STS-B", {"train": table(5749), "dev": table(1500), "test": table(1379)})
archive("QQP-clean", "QQP", {"train": table(363846) + "broken\n", "dev": table(40430), "test": table(390965)})
archive("MNLI", "MNLI", {"train": table(392702), "dev_matched": table(9815), "dev_mismatched": table(9832),
                         "test_matched": table(9796), "test_mismatched": table(9847)})
archive("QNLIv2", "QNLI", {"train": table(104743), "dev": table(5463), "test": table(5463)})
archive("RTE", "RTE", {"train": table(2490), "dev": table(277), "test": table(3000)})
archive("WNLI", "WNLI", {"train": table(635), "dev": table(71), "test": table(146)})
open(f"{data}/AX.tsv", "w").write(table(1104))
pairs = [f"{i % 2}\t{i}\t{i + 1}\tfirst \"{i}\tsecond {i}" for i in range(4076)]
head = "\ufeffQuality\t#1 ID\t#2 ID\t#1 String\t#2 String"
senteval = "mirror/senteval/senteval_data/msr_paraphrase_"
open(senteval + "train.txt", "w", newline="").write("\r\n".join([head] + pairs) + "\r\n")
open(senteval + "test.txt", "w", newline="").write("\r\n".join([head] + pairs[:1725]) + "\r\n")
open(f"{data}/mrpc_dev_ids.tsv", "w").write("".join(f"{i}\t{i + 1}\n" for i in range(0, 4080, 10)))
PYTHON
export GLUE_MIRROR=file://$work/mirror

expect 2 bash "$get" --check absent
expect 2 bash "$get" --fetch

# One file is not on the mirror, and one archive is damaged: everything else is there, and both are named.
mv mirror/glue/data/AX.tsv AX.kept; mv mirror/glue/data/RTE.zip RTE.kept; echo 'no archive' >mirror/glue/data/RTE.zip
expect 1 bash "$get" data/glue
says 'data/glue/AX/AX.tsv: missing'
says 'RTE.zip: damaged'
says 'data/glue/RTE/train.tsv: missing'
[ "$(grep -c ': missing$' said.log)" -eq 4 ] || fail 'more is said to be missing than is'
mv AX.kept mirror/glue/data/AX.tsv; mv RTE.kept mirror/glue/data/RTE.zip

# Again: fetches only what was missing, and goes on with a download that broke off (its beginning is told by one letter).
head -c 3000 mirror/glue/data/AX.tsv | sed '1s/a/A/' >data/glue/.download/AX.tsv.part
expect 0 bash "$get" data/glue
says 'AX.tsv (the rest)'
[ "$(head -n 1 data/glue/AX/AX.tsv)" = $'A\tb\tc' ] || fail 'a download was begun anew'
[ "$(grep -c '^fetching' said.log)" -eq 2 ] || fail 'fetched what was there'
[ ! -e data/glue/.download ] || fail 'downloads were left behind'
[ -z "$(find data -name '*.part*')" ] || fail 'unfinished files were left behind'
expect 0 bash "$get" data/glue
! grep -q '^fetching' said.log || fail 'fetched although all was there'

# MRPC in GLUE's split: the pairs listed are dev, labels do not stand in test, quotes are kept.
[ "$(sed -n 2p data/glue/MRPC/dev.tsv)" = $'0\t0\t1\tfirst "0\tsecond 0' ] || fail 'MRPC dev'
[ "$(sed -n 2p data/glue/MRPC/train.tsv)" = $'1\t1\t2\tfirst "1\tsecond 1' ] || fail 'MRPC train'
[ "$(sed -n 3p data/glue/MRPC/test.tsv)" = $'1\t1\t2\tfirst "1\tsecond 1' ] || fail 'MRPC test'
grep -q 'gj04' data/glue/CoLA/train.tsv || fail 'CoLA train is another file of the archive'

# --check fetches nothing and tells what differs.
sed -i '$d' data/glue/WNLI/dev.tsv; mv data/glue/SST-2/train.tsv data/glue/SST-2/train_part.tsv; rm data/glue/AX/AX.tsv
expect 1 bash "$get" --check data/glue
says 'data/glue/WNLI: dev.tsv has 70 rows, expected 71'
says 'data/glue/SST-2: no train.tsv (train_part.tsv has 67349), expected 67349'
says 'data/glue/AX/AX.tsv: missing'
[ ! -e data/glue/AX/AX.tsv ] || fail '--check fetched'

[ "$failures" -eq 0 ] || { echo "$failures failed"; exit 1; }
echo 'fetched, resumed and checked'
