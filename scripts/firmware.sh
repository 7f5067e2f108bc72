#!/usr/bin/env bash
# Runs the same commands on microcontrollers in QEMU and here, and compares the event streams byte for byte, and the state
# hashes:
#   scripts/firmware.sh [COMMANDS..]
#
# COMMANDS are files of command records (.bin) or order files (.jsonl, .csv). Without any: examples/firmware/commands.jsonl,
# 20,000 commands of every kind, and, on the Cortex-M7, all of tests/scenarios.
#
# The images (examples/firmware):
#   firmware  files of the debugging host: Cortex-M7 (mps2-an500), 32-bit RISC-V and AArch64 (virt)
#   uart      Cortex-M7: commands in and events out over its UART, by interrupts; it may have no code for a panic
#   interrupt_fed  Cortex-M7: the smallest one, orders from a timer's interrupt handler
#   interrupts  Cortex-M7: a timer interrupts operations on queues at every instruction; and broken twins that must be noticed
#   small     Cortex-M0 and M3: queues, pool, book and layouts
# docs/firmware.md says more of each. All targets are little-endian, as every target of this core is; QEMU has none
# that is not and that Rust builds for.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
# shellcheck source=scripts/lib.sh
. scripts/lib.sh

MANIFEST=examples/firmware/Cargo.toml
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

cargo build --release --bin vvpx
vvpx=$PWD/target/release/vvpx

few=("$@")
if [ $# = 0 ]; then
  mixture 1 20000 >"$work/mixture.bin"
  # What the mixture leaves out: the clock moved by itself, and what the edge refuses.
  printf '%s\n' '{"op":"time","ts":9000000000000000000}' 'no command' |
    { "$vvpx" encode 2>/dev/null || [ $? = 1 ]; } | tail -c +65 >>"$work/mixture.bin"
  kinds=$(od -An -v -tu1 -w64 -j64 "$work/mixture.bin" | awk '{ if (!seen[$1]++) n++ } END { print n }')
  [ "$kinds" = 10 ] || die "the mixture has $kinds kinds of commands, not all 10"
  few=(examples/firmware/commands.jsonl "$work/mixture.bin")
  set -- "${few[@]}"
  for file in tests/scenarios/*.jsonl; do
    case $file in *.expected.jsonl) ;; *) set -- "$@" "$file" ;; esac
  done
fi

# image TARGET NAME: builds it and sets `image`; returns 77 where that cannot be.
image() {
  local status=0
  bare_metal_cargo "$1" build --release --bin "$2" --manifest-path "$MANIFEST" || status=$?
  case $status in
    0) ;;
    "$SKIPPED") return "$SKIPPED" ;;
    *) die "the image '$2' does not build for $1" ;;
  esac
  image=$PWD/$BARE_METAL_DIR/$1/release/$2
  say "$2 for $1: built ($BARE_METAL_WAY)"
  size "$image" || true
}

# expect COMMANDS: what the host makes of them: commands.bin, host.bin and said.
expect() {
  # A bad line gives exit code 1, and a refusal in its place that has to come out as well.
  case $1 in
    *.bin) cp "$1" "$work/commands.bin" ;;
    *.csv) "$vvpx" encode --format csv "$1" >"$work/commands.bin" 2>/dev/null || [ $? = 1 ] ;;
    *) "$vvpx" encode "$1" >"$work/commands.bin" 2>/dev/null || [ $? = 1 ] ;;
  esac
  "$vvpx" match --format bin --out-format bin --state-hash "$work/commands.bin" >"$work/host.bin" 2>"$work/said" || [ $? = 1 ]
  [ "$(stat -c %s "$work/host.bin")" -ge 64 ] || die "$1: the host wrote nothing"
}

QUIET=(-display none -monitor none -semihosting-config "enable=on,target=native")

# by_files NAME COMMANDS QEMU..: through files of the debugging host.
by_files() {
  rm -f "$work/events.bin"
  (cd "$work" && timeout 120 "${@:3}" "${QUIET[@]}" -serial none -kernel "$image" </dev/null >log 2>&1) ||
    die "$2: the image for $1 did not end well: $(cat "$work/log")"
  cmp "$work/host.bin" "$work/events.bin" || die "$2: $1 and host disagree; compare them with 'vvpx decode'"
  [ "$(grep state_hash "$work/said")" = "$(grep state_hash "$work/log")" ] || die "$2: the states at the end differ"
}

# by_uart NAME COMMANDS QEMU..: over the serial line. In: the file, and a record of zeros. Out: the events, and a record
# with the hash.
by_uart() {
  { cat "$work/commands.bin"; head -c 64 /dev/zero; } >"$work/in"
  timeout 600 "${@:3}" "${QUIET[@]}" -serial stdio -kernel "$image" <"$work/in" >"$work/out" 2>"$work/log" ||
    die "$2: the image for $1 did not end well: $(cat "$work/log")"
  head -c -64 "$work/out" >"$work/events.bin"
  cmp "$work/host.bin" "$work/events.bin" || die "$2: $1 and host disagree; compare them with 'vvpx decode'"
  local hash
  hash=$(tail -c 56 "$work/out" | od -An -tx8 -N8 | tr -d ' ')
  [ "$(tail -c 64 "$work/out" | head -c 7)" = VVPHASH ] && grep -q "\"$hash\"" "$work/said" ||
    die "$2: the states at the end differ"
}

# compare HOW NAME QEMU.. -- COMMANDS..
compare() {
  local how=$1 name=$2 qemu=() files=0 events=0 commands
  shift 2
  while [ "$1" != -- ]; do qemu+=("$1"); shift; done
  shift
  for commands in "$@"; do
    expect "$commands"
    "$how" "$name" "$commands" "${qemu[@]}"
    files=$((files + 1))
    events=$((events + $(stat -c %s "$work/events.bin") / 64 - 1))
  done
  say "$name and host: the same $events events in $files files, byte for byte, and the same state after each"
}

# can TARGET BIN QEMU PACKAGE: builds the image, unless something is missing; says so.
can() {
  has "$3" || apt_install "$4" || { skip_part "$1: $3 is not installed and package $4 cannot be had"; return 1; }
  local status=0
  image "$1" "$2" || status=$?
  [ "$status" = 0 ] || { skip_part "$1: rustup has not got it, and Debian's rustc-web and rust-web-src cannot be had"; return 1; }
}

done=0
M7=(qemu-system-arm -machine mps2-an500 -cpu cortex-m7)
if can thumbv7em-none-eabihf firmware qemu-system-arm qemu-system-arm; then
  compare by_files "Cortex-M7" "${M7[@]}" -- "$@"
  done=1
fi
if can thumbv7em-none-eabihf uart qemu-system-arm qemu-system-arm; then
  need nm binutils
  nm "$image" | grep -q ' main$' || die "nm cannot read the image"
  if nm "$image" | grep -E 'panicking|rust_begin_unwind'; then die "the image that is fed over the UART can panic"; fi
  say "no code for a panic in it"
  compare by_uart "Cortex-M7 over its UART" "${M7[@]}" -- "${few[@]}"
fi
if can thumbv7em-none-eabihf interrupt_fed qemu-system-arm qemu-system-arm; then
  timeout 120 "${M7[@]}" "${QUIET[@]}" -serial none -kernel "$image" </dev/null >"$work/log" 2>&1 ||
    die "the image that is fed by an interrupt did not end well: $(cat "$work/log")"
  grep -qx '20 orders, 10 trades, 30 events' "$work/log" || die "the image that is fed by an interrupt: $(cat "$work/log")"
  say "Cortex-M7 fed by a timer's interrupt: $(tail -n 1 "$work/log")"
fi
# An instruction takes a nanosecond of QEMU's clock, so the timer interrupt comes at the chosen
# instruction.
struck() { timeout 300 "${M7[@]}" -icount shift=0 "${QUIET[@]:0:4}" -serial none -semihosting-config "enable=on,target=native$1" -kernel "$image" </dev/null >"$work/log" 2>&1; }

# Twin (src/sync/mutation.rs), and where it must be noticed.
TWINS='
spsc_early       spsc push
spsc_early       fan-in push
spsc_back_early  spsc pop
turn_early       sequenced push
turn_back_early  sequenced pop
latest_recheck   latest read
'
if can thumbv7em-none-eabihf interrupts qemu-system-arm qemu-system-arm; then
  struck "" || die "an operation that was interrupted: $(cat "$work/log")"
  say "interrupts at every instruction:"
  cat "$work/log"
  RUSTFLAGS="--cfg broken" CARGO_PROFILE_RELEASE_LTO=off image thumbv7em-none-eabihf interrupts >/dev/null
  while read -r twin scene; do
    if [ -z "$twin" ]; then continue; fi
    if struck ",arg=interrupts,arg=$twin,arg=$scene"; then die "the broken twin $twin was not noticed: $(cat "$work/log")"; fi
    # Another failure is not what this is about.
    grep -qE "^$scene: (values are missing|the value is torn).* interrupted before" "$work/log" ||
      die "the broken twin $twin failed for another reason: $(cat "$work/log")"
    say "noticed: $twin: $(tail -n 1 "$work/log")"
  done <<<"$TWINS"
fi
if can riscv32imac-unknown-none-elf firmware qemu-system-riscv32 qemu-system-misc; then
  compare by_files "RV32" qemu-system-riscv32 -machine virt -bios none -- "${few[@]}"
  done=1
fi
if can aarch64-unknown-none firmware qemu-system-aarch64 qemu-system-arm; then
  compare by_files "AArch64" qemu-system-aarch64 -machine virt -cpu cortex-a53 -nic none -- "${few[@]}"
  done=1
fi
# No compare-and-swap, no 64-bit atomics, 16 KiB of RAM: queues, pool, book and layouts by a script of their own.
if can thumbv6m-none-eabi small qemu-system-arm qemu-system-arm; then
  CARGO_TARGET_DIR=target/bare-metal cargo run --quiet --release --manifest-path "$MANIFEST" --example trial >"$work/trial"
  say "trial on the host:"
  cat "$work/trial"
  for machine in microbit mps2-an385; do
    timeout 120 qemu-system-arm -machine "$machine" "${QUIET[@]}" -serial none -kernel "$image" </dev/null >"$work/log" 2>&1 ||
      die "the trial on $machine did not end well: $(cat "$work/log")"
    cmp "$work/trial" "$work/log" || die "the trial on $machine differs: $(cat "$work/log")"
  done
  say "Cortex-M0 (microbit) and Cortex-M3 (mps2-an385): the same lines"
  done=1
fi
if [ "$done" = 0 ]; then exit "$SKIPPED"; fi
