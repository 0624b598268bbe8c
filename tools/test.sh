#!/usr/bin/env bash
# Builds the project and runs its tests; installs what is missing first.
#
#   tools/test.sh            every test
#   tools/test.sh --fast     only those labelled fast (under 3 minutes on 2 cores)
#   tools/test.sh --build    build, run nothing
#   MABERT_PRESET=asan …     another preset of CMakePresets.json (default cpu-release)
set -euo pipefail
cd "$(dirname "$0")/.."
preset=${MABERT_PRESET:-cpu-release}
label=()
case "${1:-}" in
  '') ;;
  --fast) label=(-L fast) ;;
  --build) ;;
  -h|--help) sed -n '2,8p' "$0"; exit 0 ;;
  *) echo "test.sh: unknown argument $1 (see --help)" >&2; exit 2 ;;
esac
tools/install_dependencies.sh
mkdir -p build
cmake --preset "$preset" >"build/$preset.log" 2>&1 || { tail -n 20 "build/$preset.log" >&2; exit 1; }
cmake --build "build/$preset"
[ "${1:-}" = --build ] && exit 0
# One test program at a time: each uses all cores itself.
ctest --test-dir "build/$preset" --output-on-failure "${label[@]}"
