#!/usr/bin/env bash
# Runs the core's unit tests and the properties of its queues, pools and maps on a 32-bit target, i686:
#   scripts/i686.sh [TEST..]
#
# Counts wrap after 2^32 there, and a u64 is aligned to 4 bytes. The host must run 32-bit x86 programs.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
# shellcheck source=scripts/lib.sh
. scripts/lib.sh

readonly TARGET=i686-unknown-linux-gnu
[ "$(uname -sm)" = "Linux x86_64" ] || skip "the programs run on Linux on x86-64"
rustup_has_target "$TARGET" || { may_install && has rustup && rustup target add "$TARGET"; } ||
  skip "the target $TARGET is not installed; run: rustup target add $TARGET"
# A C compiler that links for 32 bits.
links_32() { printf 'int main(void){return 0;}\n' | cc -m32 -x c -o /dev/null - 2>/dev/null; }
links_32 || apt_install gcc-multilib || true
links_32 || skip "cc -m32 does not link; install gcc-multilib"

export CARGO_TARGET_DIR=target/i686
cargo test -p vvp-core --target "$TARGET" --lib --test structures --test forgotten -- "$@"
# Those whose counts wrap; the threads of maps and pools take minutes with emulated 64-bit atomics.
if [ $# = 0 ]; then cargo test -p vvp-core --target "$TARGET" --test threads -- mpsc:: robust:: spsc::; fi
