#!/usr/bin/env bash
# The most stack that an operation of the engine takes:   scripts/stack.sh
#
# Read from the machine code of proofs/no-panic's program `engine`: what each function pushes and reserves, 8 bytes for
# each return address, along the deepest chain of calls (what copies memory, a leaf of the C library's, is left out).
# A chain that calls itself has no bound, and fails; so does a call through a pointer, whose target
# is unknown.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
# shellcheck source=scripts/lib.sh
. scripts/lib.sh

[ "$(uname -m)" = x86_64 ] || skip "it is read from x86-64 code, and this is $(uname -m)"
need objdump binutils
scripts/no-panic.sh engine >&2
objdump -d --no-show-raw-insn target/no-panic/release/engine | awk '
  /^[0-9a-f]+ <.*>:$/ { fn = $2; gsub(/[<>:]/, "", fn); frame[fn] = 8; if (fn ~ /^engine_/) exported[++n] = fn; next }
  $2 == "push" { frame[fn] += 8 }
  $2 == "sub" && $3 ~ /,%rsp$/ { v = $3; sub(/^\$/, "", v); sub(/,.*/, "", v); frame[fn] += hex(v) }
  $2 ~ /^call/ && $3 ~ /^\*/ && $3 !~ /\(%rip\)/ { pointers[fn] = 1 } # (%rip): what copies memory, of the C library
  $2 ~ /^(call|j)/ && $4 ~ /^</ { to = $4; gsub(/[<>]/, "", to); sub(/\+0x.*/, "", to); if (to != fn) calls[fn] = calls[fn] " " to
                                  else if ($2 ~ /^call/) again[fn] = 1 }
  function hex(v,   i, n) {
    for (i = 3; i <= length(v); i++) n = 16 * n + index("0123456789abcdef", substr(v, i, 1)) - 1
    return n
  }
  function depth(f,   i, count, list, most, d) {
    if (f in known) return known[f]
    if (busy[f] || again[f]) { print f " calls itself: its stack has no bound" > "/dev/stderr"; bad = 1; return 0 }
    if (pointers[f]) { print f " calls through a pointer" > "/dev/stderr"; bad = 1 }
    busy[f] = 1
    count = split(calls[f], list, " ")
    for (i = 1; i <= count; i++) if (list[i] in frame) { d = depth(list[i]); if (d > most) most = d }
    busy[f] = 0
    return known[f] = frame[f] + most
  }
  END {
    for (i = 1; i <= n; i++) printf "%-32s %5d bytes\n", exported[i], depth(exported[i])
    exit bad || n == 0
  }' || die "stack use without a known bound, see above"
