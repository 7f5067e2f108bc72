#!/usr/bin/env bash
# Fuzzes every target for a while:   scripts/fuzz.sh [SECONDS] [TARGET..]
#
# Starts from fuzz/seeds/TARGET (in git) and fuzz/corpus/TARGET (what earlier runs found). A finding is left in
# fuzz/artifacts/TARGET; make it a named test before fixing it.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
# shellcheck source=scripts/lib.sh
. scripts/lib.sh

seconds=${1:-20}
shift || true
if [ $# = 0 ]; then
  mapfile -t targets < <(sed -n '/^\[\[bin\]\]/,/^$/s/^name = "\(.*\)"/\1/p' fuzz/Cargo.toml)
  set -- "${targets[@]}"
fi

need c++ g++ # libFuzzer is C++
# What `cargo fuzz build` gives the compiler: coverage for libFuzzer, and the address sanitizer.
# Unstable flags, which RUSTC_BOOTSTRAP lets the stable compiler take; cargo-fuzz itself would
# have to be installed from source.
export RUSTC_BOOTSTRAP=1
target=$(host_triple)
# In a short run building takes longer than fuzzing.
if [ "$seconds" -le 60 ]; then export CARGO_PROFILE_RELEASE_OPT_LEVEL=1; fi
RUSTFLAGS="--cfg fuzzing -Zsanitizer=address -Cunsafe-allow-abi-mismatch=sanitizer -Cdebug-assertions -Ccodegen-units=1
  -Cpasses=sancov-module -Cllvm-args=-sanitizer-coverage-level=4 -Cllvm-args=-sanitizer-coverage-inline-8bit-counters
  -Cllvm-args=-sanitizer-coverage-pc-table -Cllvm-args=-sanitizer-coverage-trace-compares" \
  cargo build --release --manifest-path fuzz/Cargo.toml --target "$target" --target-dir target/fuzz "${@/#/--bin=}"

for name in "$@"; do
  mkdir -p "fuzz/corpus/$name" "fuzz/artifacts/$name"
  corpus=("fuzz/corpus/$name")
  if [ -d "fuzz/seeds/$name" ]; then corpus+=("fuzz/seeds/$name"); fi
  "target/fuzz/$target/release/$name" "-artifact_prefix=fuzz/artifacts/$name/" "${corpus[@]}" \
    "-max_total_time=$seconds" -timeout=10 -rss_limit_mb=2048 -max_len=4096 -print_final_stats=1 2>&1 |
    grep --line-buffered -vE '^(#|"|[[:space:]]*NEW_FUNC|INFO: +seed)'
  say "fuzz $name: $seconds s, nothing found"
done
