#!/usr/bin/env bash
# Shows that operations of the core cannot panic:
#   scripts/no-panic.sh [PROGRAM..]
#
# Each program of proofs/no-panic uses one structure; it links only if no panic can be reached from it (how: its lib.rs).
# `control` can panic and must not link, or the others prove nothing.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
# shellcheck source=scripts/lib.sh
. scripts/lib.sh

[ "$(uname -s)" = Linux ] || skip "the programs are linked for Linux"
MISSING=a_panic_path_is_left
log=$(mktemp)
trap 'rm -f "$log"' EXIT

# links PROGRAM: no start code, and of the C library only what copies memory.
links() {
  CARGO_TARGET_DIR=target/no-panic cargo rustc --quiet --release --manifest-path proofs/no-panic/Cargo.toml --bin "$1" -- \
    -C link-arg=-nostartfiles -C link-arg=-static -C link-arg=-lc -C relocation-model=static >"$log" 2>&1
}

if links control; then die "the program that can panic was linked: the others would prove nothing"; fi
grep -q "$MISSING" "$log" || { cat "$log" >&2; die "control failed for another reason than a panic"; }
say "control: can panic, and does not link"

if [ $# = 0 ]; then
  for file in proofs/no-panic/src/bin/*.rs; do set -- "$@" "$(basename "$file" .rs)"; done
fi
for program in "$@"; do
  if [ "$program" = control ]; then continue; fi
  if ! links "$program"; then
    if grep -q "$MISSING" "$log"; then die "$program: a panic can be reached"; fi
    cat "$log" >&2
    die "$program does not build"
  fi
  say "$program: no panic can be reached"
done
