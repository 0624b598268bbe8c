#!/usr/bin/env bash
# Prints a small deterministic corpus with structure to learn (subject, verb and object agree): DOCUMENTS documents.
#   fixture_text.sh DOCUMENTS
awk -v documents="${1:-200}" 'BEGIN {
  split("river mountain city garden teacher captain painter farmer", subject, " ")
  split("flows stands sleeps grows writes sails paints works", verb, " ")
  split("quietly proudly slowly gently clearly bravely brightly early", manner, " ")
  split("north south east west", place, " ")
  state = 12345
  for (d = 0; d < documents; ++d) {
    lines = 1 + d % 3
    for (l = 0; l < lines; ++l) {
      line = ""
      for (s = 0; s < 3; ++s) {
        state = (state * 1103 + 12345) % 2147483648; i = 1 + int(state / 64) % 8
        state = (state * 1103 + 12345) % 2147483648; j = 1 + int(state / 64) % 8
        state = (state * 1103 + 12345) % 2147483648; k = 1 + int(state / 64) % 4
        line = line "The " subject[i] " " verb[i] " " manner[j] " in the " place[k] ". "
      }
      print line
    }
    print ""
  }
}'
