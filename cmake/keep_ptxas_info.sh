#!/usr/bin/env bash
# Compiler launcher for nvcc -Xptxas=-v: keeps what ptxas says of the kernels beside the object file, as OBJECT.ptxas
# (tools/check_spills.sh reads it), and lets everything else through.
set -uo pipefail
object=$(while [ $# -gt 1 ]; do [ "$1" = -o ] && echo "$2"; shift; done)
said=$("$@" 2>&1); status=$?
info='^ptxas info|^    [0-9]+ bytes stack frame'
grep -E "$info" <<<"$said" >"$object.ptxas"
grep -Ev "$info|^$" <<<"$said" >&2
exit $status
