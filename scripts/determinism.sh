#!/usr/bin/env bash
# Plays the same commands at several optimisation levels, on one thread and on three, and compares every byte of the events,
# the books at the end and the state hashes:
#   scripts/determinism.sh [LEVEL..]
# A level is one of -C opt-level, `test` or `release`; the last two unless given.
#
# The commands: a stream of every kind of order, made by cli/examples/make_mixture.rs, and all of
# tests/scenarios. That storage, sizes, and saving and restoring on the way make no difference is
# tested by cli/tests/cli/determinism.rs; that a Cortex-M7 makes none, by scripts/firmware.sh.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
# shellcheck source=scripts/lib.sh
. scripts/lib.sh

if [ $# = 0 ]; then set -- test release; fi
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

# build LEVEL: in a folder of its own, with debug assertions and overflow checks at level 0 only,
# where they must make no difference either.
build() {
  local checks=false
  if [ "$1" = 0 ]; then checks=true; fi
  CARGO_TARGET_DIR=target/determinism CARGO_INCREMENTAL=0 CARGO_PROFILE_DEV_DEBUG=false CARGO_PROFILE_DEV_OPT_LEVEL=$1 \
    CARGO_PROFILE_DEV_DEBUG_ASSERTIONS=$checks CARGO_PROFILE_DEV_OVERFLOW_CHECKS=$checks \
    cargo build --quiet -p vvpx --bin vvpx
}

for level in "$@"; do
  case $level in
    release)
      cargo build --quiet --release --bin vvpx
      cp target/release/vvpx "$work/vvpx-release"
      ;;
    # The tool as the tests use it: level 0, with all checks.
    test)
      test_build --quiet
      cp target/debug/vvpx "$work/vvpx-test"
      ;;
    *)
      build "$level"
      cp target/determinism/debug/vvpx "$work/vvpx-$level"
      ;;
  esac
done
mixture 1 100000 >"$work/mixture.bin"

files=0
for commands in "$work/mixture.bin" tests/scenarios/*.jsonl; do
  case $commands in
    *.expected.jsonl) continue ;;
    *.bin) format=bin ;;
    *) format=jsonl ;;
  esac
  rm -f "$work/expected"
  for level in "$@"; do
    for shape in --inline ''; do
      # A bad line gives exit code 1, an explanation on standard error, and a refusal in its place.
      # shellcheck disable=SC2086
      "$work/vvpx-$level" match --format "$format" --book --state-hash $shape "$commands" >"$work/out" 2>"$work/said" || [ $? = 1 ]
      # One behind the other: which of two threads writes first to two streams means nothing.
      cat "$work/said" >>"$work/out"
      grep -q state_hash "$work/out" || die "$commands: no state hash at opt-level $level"
      if [ ! -e "$work/expected" ]; then mv "$work/out" "$work/expected"; fi
      [ ! -e "$work/out" ] || cmp "$work/expected" "$work/out" ||
        die "$commands: other output at opt-level $level ${shape:-on three threads}"
    done
  done
  files=$((files + 1))
done
say "$files files: the same bytes and the same state at opt-levels $*, on one thread and on three"
