#!/usr/bin/env bash
# Prints registers, shared memory, stack and spilled bytes of every kernel of a build, and fails if one spills that
# kernels/spills_allowed.txt does not name. Reads what ptxas said while compiling, so the build needs -DMABERT_PTXAS_INFO=ON.
#
#   tools/check_spills.sh build/ci           for sm_90, which the kernels are tuned for
#   tools/check_spills.sh build/ci sm_80     for another architecture that was compiled for
set -euo pipefail
root=$(cd "$(dirname "$0")/.." && pwd)
case "${1:-}" in
  ''|-*) sed -n '2,6p' "$0"; exit $([ "${1:-}" = -h ] || [ "${1:-}" = --help ] && echo 0 || echo 2) ;;
esac
build=$1 arch=${2:-sm_90}

fail() { echo "check_spills: $*" >&2; exit 2; }
[ -f "$build/build.ninja" ] || fail "'$build' is no build folder"
# The build's own list, so that files removed since do not count.
mapfile -t objects < <(sed -nE 's/^build ([^ ]+\.cu\.o): .*/\1/p' "$build/build.ninja" | sort)
for object in "${objects[@]}"; do
  [ -e "$build/$object.ptxas" ] || fail "no report on $object: configure with -DMABERT_PTXAS_INFO=ON and build everything"
done

# One tab-separated line per kernel; ptxas speaks of functions that were not inlined, too.
table=$(for object in "${objects[@]}"; do
  awk -v arch="$arch" -v file="$(sed 's|CMakeFiles/.*\.dir/||; s|\.o$||' <<<"$object")" '
    /Compiling entry function/ { gsub("\047", ""); entry = $(NF - 2); current = $NF }
    /Function properties for/ { name = $NF }
    / bytes stack frame/ {
      if (name == entry) { stack = $1; stores = $5; loads = $9 }
      else if (current == arch && $5 + $9 > 0) print "-", "-", $1, $5, $9, file, name }
    / Used [0-9]+ registers/ && current == arch {
      shared = 0
      for (i = 2; i <= NF; ++i) {
        if ($i ~ /^registers/) registers = $(i - 1)
        if ($i ~ /^smem/) shared = $(i - 2)
      }
      print registers, shared, stack, stores, loads, file, entry }' OFS='\t' "$build/$object.ptxas"
done | c++filt | sed -E 's/(\t)void /\1/; s/mabert::kernels:://g; s/\(anonymous namespace\):://g; s/\([^()]*\)$//' | sort -t$'\t' -k6,7)
[ -n "$table" ] || fail "nothing was compiled for $arch in '$build'"

{ printf 'registers\tshared\tstack\tstores\tloads\tfile\tkernel (%s; bytes, spill stores and loads)\n' "$arch"; echo "$table"; } |
  awk -F '\t' '{ printf "%9s %7s %6s %7s %6s  %-36s %s\n", $1, $2, $3, $4, $5, $6, $7 }'

spilled=$(awk -F '\t' '$4 + $5 > 0 { print $7 }' <<<"$table")
allowed=$(sed -E 's/[[:space:]]*(#.*)?$//; /^$/d' "$root/kernels/spills_allowed.txt")
unexpected=$(grep -vExf <(printf '%s\n' "${allowed:-^$}") <<<"$spilled" | sed '/^$/d' || true)
[ -z "$unexpected" ] || { printf '\ncheck_spills: spills outside kernels/spills_allowed.txt:\n%s\n' "$unexpected" >&2; exit 1; }
