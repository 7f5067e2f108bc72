#!/usr/bin/env bash
# Runs the same commands on a Cortex-M7 in QEMU and here, and compares the event streams byte for byte, and the state hashes:
#   scripts/firmware.sh [COMMANDS..]
#
# COMMANDS are files of command records (.bin) or order files (.jsonl, .csv); without any,
# examples/firmware/commands.jsonl and all of tests/scenarios. Image: examples/firmware on the board mps2-an500.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
# shellcheck source=scripts/lib.sh
. scripts/lib.sh

if [ $# = 0 ]; then
  set -- examples/firmware/commands.jsonl
  for file in tests/scenarios/*.jsonl; do
    case $file in *.expected.jsonl) ;; *) set -- "$@" "$file" ;; esac
  done
fi
TARGET=thumbv7em-none-eabihf

need qemu-system-arm qemu-system-arm

status=0
bare_metal_cargo "$TARGET" build --release --bins --manifest-path examples/firmware/Cargo.toml || status=$?
case $status in
  0) ;;
  "$SKIPPED") skip "$TARGET: rustup has not got it, and Debian's rustc-web and rust-web-src cannot be had" ;;
  *) die "the image does not build" ;;
esac
image=$PWD/$BARE_METAL_DIR/$TARGET/release/firmware
say "image: built ($BARE_METAL_WAY)"
size "$image" || true

cargo build --release --bin vvp
vvp=target/release/vvp

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
files=0
events=0
for commands in "$@"; do
  # A bad line gives exit code 1, and a refusal in its place that has to come out as well.
  case $commands in
    *.bin) cp "$commands" "$work/commands.bin" ;;
    *.csv) "$vvp" encode --format csv "$commands" >"$work/commands.bin" 2>/dev/null || [ $? = 1 ] ;;
    *) "$vvp" encode "$commands" >"$work/commands.bin" 2>/dev/null || [ $? = 1 ] ;;
  esac
  "$vvp" match --format bin --out-format bin --state-hash "$work/commands.bin" >"$work/host.bin" 2>"$work/said" || [ $? = 1 ]
  [ "$(stat -c %s "$work/host.bin")" -ge 64 ] || die "$commands: the host wrote nothing"

  rm -f "$work/events.bin"
  (cd "$work" && timeout 120 qemu-system-arm -machine mps2-an500 -cpu cortex-m7 -nographic -monitor none -serial none \
    -semihosting-config enable=on,target=native -kernel "$image" </dev/null >log 2>&1) ||
    die "$commands: the image did not end well: $(cat "$work/log")"
  cmp "$work/host.bin" "$work/events.bin" || die "$commands: Cortex-M7 and host disagree; compare them with 'vvp decode'"
  [ "$(grep state_hash "$work/said")" = "$(grep state_hash "$work/log")" ] || die "$commands: the states at the end differ"
  files=$((files + 1))
  events=$((events + $(stat -c %s "$work/events.bin") / 64 - 1))
done
say "Cortex-M7 and host: the same $events events in $files files, byte for byte, and the same state after each"
