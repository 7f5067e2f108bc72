#!/usr/bin/env bash
# What commands cause against what `events_max` says (tests/events_max/); then the broken twins of
# the bound, each with one thing left out of it (src/sync/mutation.rs). Each must be noticed by the
# random streams.
#   scripts/bound-twins.sh
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
# shellcheck source=scripts/lib.sh
. scripts/lib.sh

# Twin, the test that must fail, and what it must say.
TWINS='
bound_rest       events_never_exceed_the_bound  caused
bound_reserve    events_never_exceed_the_bound  caused
bound_end        events_never_exceed_the_bound  caused
bound_both       events_never_exceed_the_bound  caused
bound_own        events_never_exceed_the_bound  caused
bound_decrement  events_never_exceed_the_bound  caused
bound_expiring   events_never_exceed_the_bound  caused
bound_uncross    events_never_exceed_the_bound  caused
bound_saturated  events_never_exceed_the_bound  caused
bound_stop_end   events_never_exceed_the_bound  caused
bound_glance     try_apply_does_all_or_nothing_in_every_room  panic
'

# One build serves all: each test's process asks its environment which twin it is, by default none.
export RUSTFLAGS="--cfg broken"
unset VVP_BROKEN
export CARGO_TARGET_DIR=${BOUND_TARGET_DIR:-target/bound}
log=$(mktemp)
trap 'rm -f "$log"' EXIT

cargo test --quiet --package vvp-core --test events_max

while read -r twin test what; do
  if [ -z "$twin" ]; then continue; fi
  if VVP_BROKEN=$twin cargo test --quiet --package vvp-core --test events_max -- --exact "$test" >"$log" 2>&1 </dev/null; then
    die "the broken twin $twin was not noticed; see tests/events_max/main.rs"
  fi
  if ! grep -q "running 1 test" "$log" || ! grep -q "$what" "$log"; then
    cat "$log" >&2
    die "the broken twin $twin failed for another reason than: $test, $what"
  fi
  say "noticed: $twin: $(grep -m1 -e "^flavour" "$log")"
done <<<"$TWINS"
