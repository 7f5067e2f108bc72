#!/usr/bin/env bash
# What a user of the published crates meets and no other step checks:   scripts/publish-ready.sh
#  - the declared Rust version (rust-version in Cargo.toml) compiles the libraries and the tool;
#  - each feature of vvp-core alone compiles for each bare-metal target;
#  - every dependency has an allowed licence (deny.toml) and comes from the registry;
#  - advisories and breaking changes, where the tools and their data are there.
#
# No tool is built from source: cargo-hack, cargo-deny and cargo-semver-checks take minutes each. A
# loop over the features does what cargo-hack would; `cargo tree` prints the licences.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
# shellcheck source=scripts/lib.sh
. scripts/lib.sh

# ---- the declared Rust version

# Its own target folder: another compiler would throw away what the others built.
declared=$(sed -n 's/^rust-version = "\(.*\)"$/\1/p' Cargo.toml)
[ -n "$declared" ] || die "Cargo.toml declares no rust-version"

# toolchain: the name under which rustup has it.
toolchain() {
  local name
  has rustup || return 1
  for name in "$declared" "$declared.0"; do
    if rustup run "$name" rustc -V >/dev/null 2>&1; then
      say "$name"
      return
    fi
  done
  return 1
}

if ! toolchain >/dev/null && may_install && has rustup; then
  rustup toolchain install "$declared" --profile minimal --no-self-update >/dev/null 2>&1 || true
fi
if name=$(toolchain); then
  # Libraries and tool: what a user compiles. Tests may need a newer compiler.
  RUSTUP_TOOLCHAIN=$name CARGO_TARGET_DIR=target/declared-rust cargo check --quiet --workspace --lib --bins
  say "Rust $declared: libraries and tool compile"
else
  skip_part "Rust $declared is not installed and rustup cannot get it: only $(rustc -V) was checked"
fi

# ---- each feature alone, on each bare-metal target

mapfile -t features < <(awk '/^\[/ { on = $0 == "[features]" } on && /^[a-z]/ { print $1 }' Cargo.toml)
[ "${#features[@]}" -gt 0 ] || die "no features found in Cargo.toml"
mapfile -t targets < <(sed -n 's/^TARGETS=(\(.*\))$/\1/p' scripts/bare-metal.sh | tr ' ' '\n')
[ "${#targets[@]}" -gt 0 ] || die "no targets found in scripts/bare-metal.sh"

for target in "${targets[@]}"; do
  for feature in "${features[@]}"; do
    status=0
    bare_metal_cargo "$target" check --quiet -p vvp-core --lib --no-default-features --features "$feature" || status=$?
    if [ "$status" = "$SKIPPED" ]; then
      skip_part "$target: rustup has not got it, and Debian's rustc-web and rust-web-src cannot be had"
      break
    fi
    [ "$status" = 0 ] || die "vvp-core with ${feature:-no feature} does not compile for $target"
  done
  if [ "$status" = 0 ]; then say "$target: vvp-core with each of ${features[*]} alone"; fi
done

# ---- dependencies

# Of the published crates, on every platform; not those of tests.
tree() {
  cargo tree --quiet --workspace --all-features --target all -e normal,build --prefix none --format "$1" |
    sed 's/ (\*)$//' | sort -u | sed '/^$/d'
}

if has cargo-deny; then
  cargo deny check licenses bans sources
else
  allowed=$(awk '/^\[/ { on = $0 == "[licenses]" } on' deny.toml | sed -n 's/^ *"\(.*\)",.*$/\1/p')
  # An expression is parts joined by AND; a part is alternatives joined by OR, or by / in old ones.
  refused=$(tree '{l}|{p}' | ALLOWED=$allowed awk -F'|' '
    BEGIN { n = split(ENVIRON["ALLOWED"], list, "\n"); for (i = 1; i <= n; i++) allowed[list[i]] = 1 }
    {
      gsub("/", " OR ", $1)
      ands = split($1, part, " AND "); good = ands > 0
      for (i = 1; i <= ands; i++) {
        gsub(/[()]/, "", part[i])
        ors = split(part[i], choice, " OR "); found = 0
        for (j = 1; j <= ors; j++) if (choice[j] in allowed) found = 1
        good = good && found
      }
      if (!good) print ($1 == "" ? "no licence" : $1) ": " $2
    }')
  if [ -n "$refused" ]; then die "licences that deny.toml does not allow:"$'\n'"$refused"; fi
  say "$(tree '{p}' | wc -l) packages, all with an allowed licence"
  foreign=$(sed -n 's/^source = "\(.*\)"$/\1/p' Cargo.lock | grep -v '^registry+' || true)
  if [ -n "$foreign" ]; then die "dependencies that are not from the registry:"$'\n'"$foreign"; fi
fi

# Its database is a repository on github.com.
if ! has cargo-deny; then
  skip_part "cargo-deny is not installed: no advisories were checked"
elif ! cargo deny fetch db >/dev/null 2>&1; then
  skip_part "the database of advisories cannot be fetched: no advisories were checked"
else
  cargo deny check advisories
fi

# ---- breaking changes

# Nothing is published, so there is no version to compare with. When there is one:
# cargo semver-checks -p vvp-core -p vvp-std-adapter
skip_part "cargo semver-checks: no version is published yet, so there is no baseline"
