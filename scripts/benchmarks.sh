#!/usr/bin/env bash
# Ours beside others, everything, into docs/benchmarks.md:   scripts/benchmarks.sh [ROUNDS]
#
# Takes half an hour, and two otherwise idle processors. Each part is one process in which all
# contenders take turns.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
# shellcheck source=scripts/lib.sh
. scripts/lib.sh

rounds=${1:-7}
page=docs/benchmarks.md
manifest=benches/peers/Cargo.toml
cargo build --release --manifest-path "$manifest"
peers=$(cargo metadata --manifest-path "$manifest" --no-deps --format-version 1 | sed 's/.*"target_directory":"\([^"]*\)".*/\1/')/release/vvp-peers
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

# part TITLE WORDS..: what the program prints for these words, under a title.
part() {
  local title=$1
  shift
  say "$title"
  "$peers" "$@" >"$work/part" 2>"$work/said" || die "$title: $(tail -n 1 "$work/said")"
  printf '\n## %s\n\n```text\n$ vvp-peers %s\n%s\n```\n' "$title" "$*" "$(cat "$work/part")" >>"$work/page"
}

# Each dependency that we compare with, and its version.
versions() {
  cargo tree --manifest-path "$manifest" --depth 1 --prefix none --edges normal | tail -n +2 |
    awk '$1 !~ /^(vvp-|libc$|zerocopy$)/ { printf "%s%s %s", separator, $1, substr($2, 2); separator = ", " }'
}

{
  printf '# Beside others\n\nWritten by `scripts/benchmarks.sh %s`; do not edit. ' "$rounds"
  printf 'What is compared and what bounds the rows is explained in\n[queues](queues.md), [pools](pools.md), [maps](maps.md), [the book](book.md) and [ITCH](itch.md).\n\n'
  printf -- '- %s, commit %s\n' "$(date -u +%Y-%m-%d)" "$(git rev-parse --short HEAD)"
  printf -- '- %s, %s processors, Linux %s\n' "$(sed -n 's/^model name[^:]*: //p' /proc/cpuinfo | head -n 1)" "$(nproc)" "$(uname -r)"
  printf -- '- %s\n- %s\n' "$(rustc -V)" "$(versions)"
} >"$work/page"

part "The order book" compare --rounds "$rounds"
part "Messages in, reports out to a second core" handoff --rounds "$rounds"
part "Time of each command" latency
part "Queues" queues --rounds "$rounds"
part "Pools" pools --rounds "$rounds"
part "Maps" maps --rounds "$rounds"
part "Histograms and counters" metrics --rounds "$rounds"
part "ITCH codecs" codec --rounds "$rounds"
mv "$work/page" "$page"
say "written: $page"
