#!/usr/bin/env bash
# Numbers in README.md and src/lib.rs that come from a baseline:
#   scripts/numbers.sh             fails where a page and benches/instructions/baseline.txt differ
#   scripts/numbers.sh --update    writes the pages
#
# A page has the table between two lines with `<!-- instructions -->` and
# `<!-- end of instructions -->`. The table of examples/firmware/footprint.txt is written by scripts/footprint.sh.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
# shellcheck source=scripts/lib.sh
. scripts/lib.sh

BASELINE=benches/instructions/baseline.txt
PAGES=(README.md src/lib.rs)

# Row of the baseline, divisor, text.
ROWS='book_add_cancel_touch 1 an order joins the best level, and is canceled (two commands)
book_add_cancel_deep 1 the same, each time on a level of its own
book_add_cancel_far 1 the same, outside the window of near prices
book_add_fill 1 a new best order, and one that fills it (two commands)
book_flow 1 a mix of new orders, cancels and takers, per command
book_cancel_unknown 1 cancel of an unknown order
spsc_push_pop_u64 1 a `u64` through an SPSC queue, push and pop
spsc_slices_of_64_u64 64 the same in slices of 64, per value
mpsc_push_pop_u64 1 a `u64` through an MPSC queue, push and pop
pool_handle_pair_64_bytes 1 an object of 64 bytes from a pool and back
id_map_hit 1 a lookup in the map of ids'

table() {
  printf '| operation | instructions |\n|---|---:|\n'
  local name divisor text count
  while read -r name divisor text; do
    count=$(awk -v name="$name" '$1 == name { print $2 }' "$BASELINE")
    [ -n "$count" ] || die "$BASELINE has no row $name"
    awk -v text="$text" -v count="$count" -v divisor="$divisor" \
      'BEGIN { printf divisor == 1 ? "| %s | %.0f |\n" : "| %s | %.1f |\n", text, count / divisor }'
  done <<<"$ROWS"
}

new=$(mktemp)
trap 'rm -f "$new" "$new.table"' EXIT
table >"$new.table"
bad=0
for page in "${PAGES[@]}"; do
  prefix=
  case $page in *.rs) prefix='//! ' ;; esac
  grep -q '<!-- instructions -->' "$page" || die "$page has no line <!-- instructions -->"
  awk -v table="$new.table" -v prefix="$prefix" '
    /<!-- end of instructions -->/ { inside = 0 }
    !inside { print }
    /<!-- instructions -->/ {
      inside = 1
      while ((getline line < table) > 0) print prefix line
    }' "$page" >"$new"
  if [ "${1:-}" = --update ]; then
    cmp -s "$new" "$page" || cat "$new" >"$page"
  elif ! cmp -s "$new" "$page"; then
    diff "$page" "$new" || true
    bad=1
  fi
done
[ "$bad" = 0 ] || die "numbers differ from $BASELINE; run scripts/numbers.sh --update"
