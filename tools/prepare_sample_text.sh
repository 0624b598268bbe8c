#!/usr/bin/env bash
# Writes real English text for a first training run into DIR: the dictionary of Debian's package dict-gcide without its
# markup (one document an entry) and the King James Bible of bible-kjv (one document a chapter).
#
#   tools/prepare_sample_text.sh DIR
set -euo pipefail
case "${1:-}" in ''|-h|--help) sed -n '2,6p' "$0"; [ -n "${1:-}" ]; exit ;; esac
out=$1
mkdir -p "$out"
export LC_ALL=C.UTF-8

# An entry starts in column 0 with its headword, pronunciation and grammar; its text is indented. Kept: the headword and
# the sentences. Dropped: sources in [], braces, subject labels, names of quoted authors, verse-like quotations' sources.
dictionary() {
  gzip -dc /usr/share/dictd/gcide.dict.dz | iconv -c -f UTF-8 -t UTF-8 | awk '
    function flush_entry() {
      gsub(/\[[^]]*\]/, "", text); gsub(/[{}]/, "", text); gsub(/\\[^\\]*\\/, "", text)
      gsub(/--[A-Z][A-Za-z.& ]*(\([^)]*\))?\.?/, "", text); gsub(/\([A-Z][A-Za-z.,& ]*\.\)/, "", text)
      gsub(/_/, "", text); gsub(/[ \t]+/, " ", text); gsub(/ ([.,;:])/, "\\\\&", text); gsub(/\\ /, "", text)
      sub(/^ /, "", text); sub(/ $/, "", text)
      if (head != "" && length(text) > 20) print head ": " text "\n"
      text = ""
    }
    /^00-database/ { skip = 1 }
    /^[A-Za-z]/ && !/^00-/ {
      if ($0 ~ /\\/) { skip = 0; word = $0; sub(/ *\\.*/, "", word); flush_entry(); head = word
        if (match($0, /\[[^]]*$/)) text = substr($0, RSTART)  # an etymology that runs on into the indented lines
        next }
      flush_entry(); head = ""
    }
    /^ / && !skip { sub(/^ +[0-9]+\. /, " "); sub(/^ +\([a-z]\) /, " "); text = text " " $0 }
    END { flush_entry() }'
}

bible_chapters() {
  bible -f 'gen1:1-rev22:21' | awk '
    { chapter = $1; sub(/:.*/, "", chapter); $1 = ""; sub(/^ /, "")
      if (chapter != last && NR > 1) printf "\n\n"
      printf "%s%s", (chapter == last ? " " : ""), $0; last = chapter }
    END { printf "\n" }'
}

for name in dictionary bible; do
  [ -s "$out/$name.txt" ] && continue
  case $name in dictionary) dictionary ;; bible) bible_chapters ;; esac >"$out/$name.txt.part"
  mv "$out/$name.txt.part" "$out/$name.txt"
done
