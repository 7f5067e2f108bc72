#!/usr/bin/env bash
# Runs the same commands on a Cortex-M7 in QEMU and here, and compares the event streams byte for byte:
#   scripts/firmware.sh [COMMANDS]
#
# COMMANDS is a file of command records (.bin) or an order file (.jsonl, .csv); without it,
# examples/firmware/commands.jsonl. Image: examples/firmware on the board mps2-an500.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
# shellcheck source=scripts/lib.sh
. scripts/lib.sh

commands=${1:-examples/firmware/commands.jsonl}
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
case $commands in
  *.bin) cp "$commands" "$work/commands.bin" ;;
  *.csv) "$vvp" encode --format csv "$commands" >"$work/commands.bin" ;;
  *) "$vvp" encode "$commands" >"$work/commands.bin" ;;
esac
"$vvp" match --format bin --out-format bin "$work/commands.bin" >"$work/host.bin" || true # 1 after a bad line

(cd "$work" && timeout 300 qemu-system-arm -machine mps2-an500 -cpu cortex-m7 -nographic -monitor none -serial none \
  -semihosting-config enable=on,target=native -kernel "$image" </dev/null) || die "the image did not end well"

[ "$(stat -c %s "$work/host.bin")" -gt 64 ] || die "the host made no events"
cmp "$work/host.bin" "$work/events.bin" || die "Cortex-M7 and host disagree; compare them with 'vvp decode'"
say "Cortex-M7 and host: the same $(($(stat -c %s "$work/events.bin") / 64 - 1)) events, byte for byte"
