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
need_cargo_tool cargo-fuzz cargo-fuzz

# The flags of cargo-fuzz are unstable ones; this lets the stable compiler take them.
export RUSTC_BOOTSTRAP=1
for target in "$@"; do
  mkdir -p "fuzz/corpus/$target"
  corpus=("fuzz/corpus/$target")
  if [ -d "fuzz/seeds/$target" ]; then corpus+=("fuzz/seeds/$target"); fi
  cargo fuzz run --target-dir target/fuzz "$target" "${corpus[@]}" -- \
    -max_total_time="$seconds" -timeout=10 -rss_limit_mb=2048 -max_len=4096 -print_final_stats=1 2>&1 |
    grep --line-buffered -vE '^(#|"|[[:space:]]*NEW_FUNC|INFO: +seed)'
  say "fuzz $target: $seconds s, nothing found"
done
