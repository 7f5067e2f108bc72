# shellcheck shell=bash
# Sourced by .ci/run and by the scripts beside it: how to say something, how to skip loudly, how to get a tool.
#
# A script that cannot do its work for want of a tool calls `skip REASON`, which ends it with code 77; one that can
# do only part of it calls `skip_part REASON` and goes on. Both write the reason to the file VVP_SKIP_FILE, if set,
# from which .ci/run makes its summary.
#
# Nothing is installed unless CI=true or VVP_INSTALL=1, and nothing ever with VVP_INSTALL=0. Packages of the system need root besides.

readonly SKIPPED=77

say() { printf '%s\n' "$*"; }

die() {
  printf 'FAILED: %s\n' "$*" >&2
  exit 1
}

skip_part() {
  printf 'SKIPPED: %s\n' "$*"
  if [ -n "${VVP_SKIP_FILE:-}" ]; then printf '%s; ' "$*" >>"$VVP_SKIP_FILE"; fi
}

skip() {
  skip_part "$@"
  exit "$SKIPPED"
}

may_install() { [ "${VVP_INSTALL:-}" = 1 ] || { [ "${CI:-}" = true ] && [ "${VVP_INSTALL:-}" != 0 ]; }; }

has() { command -v "$1" >/dev/null 2>&1; }

# Installs Debian packages. Fails, saying why, where that cannot be done.
apt_install() {
  if ! may_install; then
    say "not installing $*: set VVP_INSTALL=1 to allow it" >&2
    return 1
  fi
  if [ "$(id -u)" != 0 ] || ! has apt-get; then
    say "not installing $*: needs root and apt-get" >&2
    return 1
  fi
  # One at a time: two steps may install something concurrently.
  (
    flock 9
    # A fresh machine has no package lists; an old one has lists of packages that are gone.
    apt-get update -qq || say "apt-get update failed, trying with the lists at hand" >&2
    DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "$@" >/dev/null
  ) 9>/tmp/vvp-apt.lock
}

# need COMMAND PACKAGE: the command, from the Debian package if it is not there, or the end of the script.
need() {
  if has "$1"; then return; fi
  apt_install "$2" || skip "$1 is not installed and package $2 cannot be had"
  has "$1" || skip "$1 is still missing with package $2 installed"
}

host_triple() { rustc -vV | sed -n 's/^host: //p'; }

# bare_metal_cargo TARGET CARGO-ARGS..: cargo for a target without an operating system. In this order: the target
# that rustup has; the target that `rustup target add` gets; Debian's second compiler with the sources of `core`.
# Sets BARE_METAL_WAY, for the log, and BARE_METAL_DIR, the target folder. Returns 77 where none of the three works.
bare_metal_cargo() {
  local target=$1 way=${VVP_BARE_METAL_WAY:-any} # or `rustup`, or `debian`: to test one of the ways
  shift
  if [ "$way" != debian ] && rustup_has_target "$target"; then
    BARE_METAL_WAY="target of rustup"
    BARE_METAL_DIR=target/bare-metal
    CARGO_TARGET_DIR=$BARE_METAL_DIR cargo "$@" --target "$target"
    return
  fi
  if [ "$way" = rustup ] || ! debian_core; then return "$SKIPPED"; fi
  BARE_METAL_WAY="Debian's compiler and the sources of core"
  BARE_METAL_DIR=target/bare-metal-build-std
  local lld
  lld=$(rustc --print sysroot)/lib/rustlib/$(host_triple)/bin # rust-lld
  RUSTC=$DEBIAN_RUSTC RUSTC_BOOTSTRAP=1 PATH="$PATH:$lld" CARGO_TARGET_DIR=$BARE_METAL_DIR \
    cargo "$@" -Zbuild-std=core --target "$target"
}

rustup_has_target() {
  local libs
  libs=$(rustc --print target-libdir --target "$1" 2>/dev/null) || return 1
  if ls "$libs"/libcore-*.rlib >/dev/null 2>&1; then return 0; fi
  may_install && has rustup && rustup target add "$1" >/dev/null 2>&1 && ls "$libs"/libcore-*.rlib >/dev/null 2>&1
}

DEBIAN_RUSTC=/usr/bin/rustc

debian_core() {
  # A Debian rustc without its sources, or an older one than this project needs, would only fail later.
  if [ ! -x "$DEBIAN_RUSTC" ] || [ ! -d "$("$DEBIAN_RUSTC" --print sysroot)/lib/rustlib/src/rust/library/core" ]; then
    apt_install rustc-web rust-web-src || return 1
  fi
  [ -d "$("$DEBIAN_RUSTC" --print sysroot)/lib/rustlib/src/rust/library/core" ]
}

# mixture SEED COUNT: writes a file of command records of every kind to standard output, always the same for the same numbers.
mixture() {
  test_build --quiet >&2
  target/debug/examples/make_mixture "$@"
}

# test_build CARGO-ARGS..: the tool and all examples as `cargo test` builds them, in target/debug;
# nothing is left to build after it. Not optimised where it matters, all checks on.
test_build() { env -u CARGO_TARGET_DIR cargo build --profile test --bins --examples "$@"; }
