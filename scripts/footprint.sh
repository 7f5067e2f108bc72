#!/usr/bin/env bash
# What the core takes of a Cortex-M7, compared with examples/firmware/footprint.txt:
#   scripts/footprint.sh            fails where something has grown by more than 5 %
#   scripts/footprint.sh --update   rewrites that file, and the tables in README.md: the growth shows in the diff
#
# flash, RAM  bytes of an image with one part in it (examples/firmware/src/part.rs), less those of an image with nothing;
#             `image` is the whole one that matches what comes over its UART (src/uart.rs). RAM is what the linker places: statics.
# stack       bytes of the deepest chain of calls, by the frames that the compiler states (-Zemit-stack-sizes) and the
#             calls in the machine code (scripts/stack-thumb.awk); `image`: main loop and interrupt handler together
# count       instructions of an operation, counted by QEMU (-icount), loop included (src/count.rs). Not cycles: QEMU
#             knows neither pipeline nor caches.
# Another compiler makes other code: the baseline names its own, and with any other the comparison is skipped, loudly.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
# shellcheck source=scripts/lib.sh
. scripts/lib.sh

TARGET=thumbv7em-none-eabihf
MANIFEST=examples/firmware/Cargo.toml
BASELINE=examples/firmware/footprint.txt
PERCENT=5
need size binutils
need llvm-readelf llvm
need llvm-objdump llvm

now=$(mktemp)
trap 'rm -f "$now" "$now".*' EXIT

# build DIR BIN: sets `image`.
build() {
  local status=0
  # Panics name files: without what depends on where they lie.
  RUSTC_BOOTSTRAP=1 RUSTFLAGS="-Zemit-stack-sizes --remap-path-prefix=$PWD=. --remap-path-prefix=${CARGO_HOME:-$HOME/.cargo}=." \
    bare_metal_cargo $TARGET build --quiet --release --manifest-path $MANIFEST --bin "$2" --target-dir "$1" || status=$?
  case $status in
    0) ;;
    "$SKIPPED") skip "$TARGET: rustup has not got it, and Debian's rustc-web and rust-web-src cannot be had" ;;
    *) die "the image '$2' does not build" ;;
  esac
  image=$1/$TARGET/release/$2
}

# Flash and RAM of the image. What is initialised in RAM comes from flash.
sizes() { size "$image" | awk 'NR == 2 { print $1 + $2, $2 + $3 }'; }

# Stack of its main loop, of its handler, of both.
stack() {
  { llvm-readelf --stack-sizes "$image" && llvm-objdump -d --no-show-raw-insn "$image"; } | awk -f scripts/stack-thumb.awk ||
    die "the stack of $image has no known bound"
}

for level in 3 z; do
  export CARGO_PROFILE_RELEASE_OPT_LEVEL=$level
  for part in nothing spsc pool book_64 book_1024 book_8192; do
    VVP_PART=$part build target/footprint/$level part
    read -r flash ram < <(sizes)
    read -r main _ < <(stack)
    if [ $part = nothing ]; then
      none="$flash $ram"
    else
      echo "size $part -O$level $((flash - ${none% *})) $((ram - ${none#* })) $main" >>"$now"
    fi
  done
  build target/footprint/$level uart
  read -r flash ram < <(sizes)
  read -r _ _ both < <(stack)
  echo "size image -O$level $flash $ram $both" >>"$now"
  if has qemu-system-arm || apt_install qemu-system-arm; then
    build target/footprint/$level count
    timeout 120 qemu-system-arm -machine mps2-an500 -cpu cortex-m7 -icount shift=0 -display none -monitor none -serial none \
      -semihosting-config enable=on,target=native -kernel "$image" </dev/null >"$now.log" 2>&1 ||
      die "the counting image did not end well: $(cat "$now.log")"
    sed "s/^\([a-z0-9_]*\) /count \1 -O$level /" "$now.log" >>"$now"
  else
    skip_part "counts: qemu-system-arm cannot be had"
  fi
done
compiler=$(if [[ $BARE_METAL_WAY == *rustup* ]]; then rustc -V; else "$DEBIAN_RUSTC" -V; fi)

# The tables of the README.
tables() {
  awk '
    function title(name) {
      if (name == "spsc") return "`Spsc<u64, 64>`"
      if (name == "pool") return "`Pool<[u64; 8], 64>`"
      if (name == "image") return "whole image over a UART: 4 books of 1024 orders, rings"
      if (sub(/^book_/, "", name)) return "engine with one book of " name " orders"
      gsub(/_/, " ", name)
      return name
    }
    function operation_title(name) { gsub(/_/, " ", name); sub(/^book /, "book, command to event: ", name); return name }
    $1 == "size" { if (!($2 in ram)) part[++n] = $2; flash[$2, $3] = $4; stack[$2, $3] = $6; ram[$2] = $5 }
    $1 == "count" { if (!(($2, "-O3") in count)) operation[++c] = $2; count[$2, $3] = $4 }
    END {
      print "| bytes | flash, -O3 | flash, -Oz | RAM | worst stack, -O3 | worst stack, -Oz |\n|---|---:|---:|---:|---:|---:|"
      for (i = 1; i <= n; i++) { p = part[i]; print "| " title(p) " | " flash[p, "-O3"] " | " flash[p, "-Oz"] " | " ram[p] " | " stack[p, "-O3"] " | " stack[p, "-Oz"] " |" }
      if (c) print "\n| instructions by QEMU (no cycles) | -O3 | -Oz |\n|---|---:|---:|"
      for (i = 1; i <= c; i++) { o = operation[i]; print "| " operation_title(o) " | " count[o, "-O3"] " | " count[o, "-Oz"] " |" }
    }' "$1"
}

if [ "${1:-}" = --update ]; then
  {
    say "# As scripts/footprint.sh --update measured it on $TARGET. size PART LEVEL: bytes of flash, RAM, stack. count: instructions."
    say "# compiler: $compiler"
    cat "$now"
  } >$BASELINE
  tables "$now" >"$now.tables"
  awk -v tables="$now.tables" '
    /<!-- footprint -->/ { print; print ""; while ((getline line < tables) > 0) print line; print ""; inside = 1 }
    /<!-- end of footprint -->/ { inside = 0 }
    !inside { print }' README.md >"$now.readme"
  cp "$now.readme" README.md
  cat $BASELINE
  say "written: $BASELINE and README.md"
  exit
fi

awk -v percent=$PERCENT '
  /^#/ { next }
  function compare(what, before, value,   ratio, note) {
    if (before == "") { printf "%-44s %9s %9d  not in the baseline: update it\n", what, "-", value; bad = 1; return }
    ratio = before > 0 ? value / before : 1 + value
    if (ratio > 1 + percent / 100) { note = "  GROWN"; bad = 1 }
    else if (ratio < 1 - percent / 100) note = "  less: update the baseline"
    printf "%-44s %9d %9d %7.3f%s\n", what, before, value, ratio, note
  }
  FNR == NR { was[$1, $2, $3] = $0; next }
  FNR == 1 { printf "%-44s %9s %9s %7s\n", "", "baseline", "now", "ratio" }
  { split(was[$1, $2, $3], old, " "); delete was[$1, $2, $3] }
  $1 == "size" { compare($2 " " $3 " flash", old[4], $4); compare($2 " " $3 " RAM", old[5], $5); compare($2 " " $3 " stack", old[6], $6) }
  $1 == "count" { compare($2 " " $3 " instructions", old[4], $4) }
  END { exit bad }' $BASELINE "$now" && verdict=0 || verdict=1
then_compiler=$(sed -n 's/^# compiler: //p' $BASELINE)
if [ "$compiler" != "$then_compiler" ]; then
  skip "comparison: the baseline is of '$then_compiler' and this is '$compiler'; the table above is for reading only"
fi
[ "$verdict" = 0 ] || die "more than $PERCENT % more than the baseline: make it less, or explain it in the commit that runs scripts/footprint.sh --update"
