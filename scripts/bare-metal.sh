#!/usr/bin/env bash
# Builds the core for machines without an operating system, and checks for what must not be in it:
#   scripts/bare-metal.sh [TARGET..]
#
# What is built is the library of examples/firmware: vvp-core plus one whole matching engine of fixed sizes, because
# unused generic code is not compiled. Then:
#  - no build may ask for an allocator (nm, host build included);
#  - none may ask for atomics that are calls of a library: what the processor lacks, the core does without;
#  - the build for Cortex-M0, which has no floating point unit, may not ask for float arithmetic either.
# Cortex-M0 has no compare-and-swap, RV32 no 64-bit atomics: portable-atomic stands in.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
# shellcheck source=scripts/lib.sh
. scripts/lib.sh

TARGETS=(thumbv7em-none-eabihf thumbv6m-none-eabi riscv32imac-unknown-none-elf aarch64-unknown-none x86_64-unknown-none)
BUILD=(build --release --lib --manifest-path examples/firmware/Cargo.toml)
ALLOCATOR='__rust_(re|de)?alloc|__rg_|__rdl_|__rustc[^ ]*alloc|\b(malloc|calloc|realloc|free|posix_memalign|aligned_alloc|mmap)$'
ATOMIC='__(atomic|sync)_[a-z_0-9]+'
FLOAT='__aeabi_(f|d)[a-z0-9]+|__aeabi_u?[il]2[fd]|__(add|sub|mul|div|cmp|float|fix)[a-z]*[sd]f'

# must_not_need FOLDER PATTERN WHAT: no undefined symbol of our two libraries matches.
must_not_need() {
  local lib symbols hits
  for lib in "$1/libvvp_firmware.rlib" "$(newest "$1"/deps/libvvp_core-*.rlib)"; do
    symbols=$(nm "$lib" 2>/dev/null) || die "nm cannot read $lib"
    grep -qE ' [Tt] .*(vvp_core|vvp_firmware)' <<<"$symbols" || die "$lib has no code to check"
    hits=$(grep -E "^ +U .*($2)" <<<"$symbols" | awk '{ print $2 }' | sort -u | paste -sd ' ' || true)
    if [ -n "$hits" ]; then die "$lib asks for $3: $hits"; fi
  done
}

# Earlier builds leave theirs behind.
newest() { find "$@" -maxdepth 0 -printf '%T@ %p\n' | sort -rn | head -n 1 | cut -d' ' -f2-; }

need nm binutils

# With link-time optimisation a library holds no machine code yet, and nm would find nothing, whatever is in it.
export CARGO_PROFILE_RELEASE_LTO=off

CARGO_TARGET_DIR=target/bare-metal cargo "${BUILD[@]}"
must_not_need target/bare-metal/release "$ALLOCATOR" "an allocator"
say "host: no allocator symbol"

if [ $# = 0 ]; then set -- "${TARGETS[@]}"; fi
built=0
for target in "$@"; do
  status=0
  bare_metal_cargo "$target" "${BUILD[@]}" || status=$?
  case $status in
    0) ;;
    "$SKIPPED")
      skip_part "$target: rustup has not got it, and Debian's rustc-web and rust-web-src cannot be had"
      continue
      ;;
    *) die "$target does not build" ;;
  esac
  must_not_need "$BARE_METAL_DIR/$target/release" "$ALLOCATOR" "an allocator"
  must_not_need "$BARE_METAL_DIR/$target/release" "$ATOMIC" "atomics of a library"
  if [ "$target" = thumbv6m-none-eabi ]; then must_not_need "$BARE_METAL_DIR/$target/release" "$FLOAT" "float arithmetic"; fi
  built=$((built + 1))
  say "$target: built ($BARE_METAL_WAY), no allocator symbol, no atomics of a library"
done
if [ "$built" = 0 ]; then exit "$SKIPPED"; fi
