#!/usr/bin/env bash
# Counts the machine instructions of each workload of benches/instructions and compares them with the baseline:
#   scripts/instructions.sh              fails where one got more than 3 % dearer
#   scripts/instructions.sh --update     writes the counts of now into benches/instructions/baseline.txt
#
# Time on a shared machine lies; instructions don't. Each workload runs under valgrind for N and for 2 N times, and the
# difference over N is what one time costs: start-up and set-up cancel out. The build is for plain x86-64, so that the
# processor at hand makes no difference. Another compiler makes other code: the baseline names its own, and with any
# other the comparison is skipped, loudly.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
# shellcheck source=scripts/lib.sh
. scripts/lib.sh

BASELINE=benches/instructions/baseline.txt
TIMES=2000
PERCENT=3 # more than this is a failure
# glibc picks its copying functions by processor; ask for the oldest ones.
export GLIBC_TUNABLES=glibc.cpu.hwcaps=-AVX512F,-AVX512VL,-AVX2,-AVX,-ERMS,-FSRM

[ "$(uname -m)" = x86_64 ] || skip "the baseline is for x86_64"
need valgrind valgrind

RUSTFLAGS="-C target-cpu=x86-64" CARGO_TARGET_DIR=target/instructions \
  cargo build --release --manifest-path benches/instructions/Cargo.toml
bench=target/instructions/release/vvp-instructions

# instructions NAME TIMES
instructions() {
  local log
  log=$(valgrind --tool=callgrind --callgrind-out-file=/dev/null \
    "$bench" "$1" "$2" 2>&1) || die "valgrind $1: $log"
  sed -n 's/^==.*Collected : *\([0-9]*\).*/\1/p' <<<"$log"
}

now=$(mktemp)
trap 'rm -f "$now"' EXIT
for name in $("$bench"); do
  once=$(instructions "$name" "$TIMES")
  twice=$(instructions "$name" $((2 * TIMES)))
  awk -v name="$name" -v d=$((twice - once)) -v n="$TIMES" 'BEGIN { printf "%s %.1f\n", name, d / n }' >>"$now"
done

compiler=$(rustc -V)
if [ "${1:-}" = --update ]; then
  {
    say "# Instructions per time, as scripts/instructions.sh --update counted them; one line a workload."
    say "# compiler: $compiler"
    cat "$now"
  } >"$BASELINE"
  cat "$BASELINE"
  exit
fi

then_compiler=$(sed -n 's/^# compiler: //p' "$BASELINE")
awk -v limit="$PERCENT" '
  /^#/ { next }
  FNR == NR { before[$1] = $2; next }
  FNR == 1 { printf "%-28s %10s %10s %8s\n", "workload", "baseline", "now", "ratio" }
  {
    if (!($1 in before)) { printf "%-28s %10s %10.1f %8s  not in the baseline: update it\n", $1, "-", $2, "-"; bad = 1; next }
    ratio = before[$1] > 0 ? $2 / before[$1] : 1
    worse = ratio > 1 + limit / 100
    better = ratio < 1 - limit / 100
    printf "%-28s %10.1f %10.1f %8.3f%s\n", $1, before[$1], $2, ratio, worse ? "  DEARER" : better ? "  cheaper: update the baseline" : ""
    if (worse) bad = 1
    delete before[$1]
  }
  END { for (name in before) { printf "%-28s is in the baseline only: update it\n", name; bad = 1 } exit bad }
' "$BASELINE" "$now" && verdict=0 || verdict=1

if [ "$compiler" != "$then_compiler" ]; then
  skip "comparison: the baseline is of '$then_compiler' and this is '$compiler'; the table above is for reading only"
fi
[ "$verdict" = 0 ] || die "more than $PERCENT % dearer than the baseline: make it cheaper, or explain it and update"
