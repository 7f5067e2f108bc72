#!/usr/bin/env bash
# The rules of the house that no compiler knows:   scripts/house-rules.sh
#  - src/ (the core) uses no std, no alloc, no float;
#  - no file of Rust is longer than 700 lines;
#  - every test that docs/reliability.md names exists;
#  - every rule of docs/matching.md has a row in its table, and all tests named there exist;
#  - numbers in README.md and src/lib.rs are those of the baselines (scripts/numbers.sh);
#  - .github/workflows/ci.yml runs every step of .ci/run;
#  - names that were given up stay so; paths that the pages name are there;
#  - comments of Rust, and prose in README.md and docs/, have at most 100 columns;
#  - nothing is left undone: todo!, unimplemented!, FIXME, dbg!, #[ignore].
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
# shellcheck source=scripts/lib.sh
. scripts/lib.sh

bad=0

# complain TITLE LINES: nothing to say where there are no lines.
complain() {
  if [ -n "$2" ]; then
    printf '%s:\n%s\n' "$1" "$2"
    bad=1
  fi
}

# Every file of Rust that git knows or would know; a copy without git is searched as it lies.
rust_files() {
  if git rev-parse --is-inside-work-tree >/dev/null 2>&1; then
    git ls-files --cached --others --exclude-standard -- '*.rs'
  else
    find . -name target -prune -o -name '*.rs' -print | sed 's|^\./||'
  fi | while read -r file; do if [ -e "$file" ]; then printf '%s\n' "$file"; fi; done
}

mapfile -t files < <(rust_files)
core=()
for file in "${files[@]}"; do if [[ $file == src/* ]]; then core+=("$file"); fi; done

# code PATTERN FILE..: where it stands in code; comments and doc examples may say what they like.
code() { grep -nE "$1" "${@:2}" /dev/null | grep -vE '^[^:]+:[0-9]+:[[:space:]]*//' || true; }

# shipped PATTERN FILE..: the same, without the tests at the end of a file.
shipped() {
  PATTERN=$1 awk '
    FNR == 1 { previous = ""; tests = 0 }
    /^mod [a-z_]+ [{]/ && previous ~ /^#\[cfg\(.*test/ { tests = 1 }
    { previous = $0 }
    !tests && $0 ~ ENVIRON["PATTERN"] && $0 !~ /^[ \t]*\/\// { print FILENAME ":" FNR ":" $0 }
  ' "${@:2}"
}

complain "float in the core" "$(shipped '(^|[^_[:alnum:]])(f32|f64)([^_[:alnum:]]|$)' "${core[@]}")"
complain "std or alloc in the core" "$(shipped '(^|[^_[:alnum:]])(std|alloc)::|extern crate' "${core[@]}")"
complain "left undone" "$(code '\b(todo|unimplemented|dbg)!|#\[ignore' "${files[@]}")"
complain "left undone" "$(grep -nE 'FIXME|XXX' "${files[@]}" /dev/null || true)"
complain "longer than 700 lines" "$(wc -l "${files[@]}" | awk '$2 != "total" && $1 > 700 { print $2 ": " $1 }')"

# The last column of the table of faults; what has an underscore is a test, or a file of tests.
missing=$(awk -F'|' '/^\|/ { print $4 }' docs/reliability.md | grep -oE '`[a-z0-9]+_[a-z0-9_]+`' | tr -d '`' | sort -u |
  while read -r name; do
    if ! grep -qE "fn $name\(" "${files[@]}" && [[ " ${files[*]} " != *"/$name.rs "* ]]; then printf '%s\n' "$name"; fi
  done)
complain "named in docs/reliability.md and not there" "$missing"

# docs/matching.md: `- **M1.2**` is a rule, `| M1.2 | scenarios | model | other tests |` its row. A
# name of the second column is a scenario file, one of the third a counter of the reference model,
# one of the fourth a test or a script.
contract=docs/matching.md
rules=$(grep -oE '^- \*\*M[0-9]+\.[0-9]+\*\*' "$contract" | grep -oE 'M[0-9.]+')
complain "rules of $contract given twice" "$(sort <<<"$rules" | uniq -d)"
covered=$(grep -oE '^\| M[0-9]+\.[0-9]+ ' "$contract" | grep -oE 'M[0-9.]+' | sort -u)
complain "rules of $contract that have no row, or rows that have no rule" "$(comm -3 <(sort -u <<<"$rules") <(echo "$covered"))"
# named COLUMN: the names in that column of the table.
named() { awk -F'|' -v c="$1" '/^\| M[0-9]+\./ { print $c }' "$contract" | grep -oE '`[^`]+`' | tr -d '`' | sort -u; }
missing=$(
  named 3 | while read -r name; do
    if [ "$name" != deep_sweep ] && [ ! -e "tests/scenarios/$name.jsonl" ]; then echo "scenario $name"; fi
  done
  named 4 | while read -r name; do
    if ! grep -qE "^ +$name \"" "${files[@]}"; then echo "counter $name"; fi
  done
  named 5 | while read -r name; do
    if [ ! -e "scripts/$name" ] && ! grep -qE "fn $name\(" "${files[@]}"; then echo "test $name"; fi
  done
)
complain "named in $contract and not there" "$missing"
unnamed=$(comm -23 <(basename -a tests/scenarios/*.jsonl | sed 's/\.jsonl$//' | grep -v '\.expected$' | sort) <(named 3))
complain "scenarios that $contract does not name" "$unnamed"

# Names that were given up (docs/glossary.md has those that took their place); the changelog keeps
# them.
gone='TurnSpsc|PushEnd|PopEnd|\b(Un)?[Tt]racked[A-Z]|\bTracked\b|\bWants\b|CancelReason::(User|Mass)\b|SelfTrade\b|HAS_LINE'
gone+='|vvp_core::feed\b|queue::(turn|waiting|ends|latest)\b|\bvvp (match|run|replay|bench|top|stress|doctor|encode|decode)\b'
gone+='|PauseMonitor|CorePauses|RegionAnswers|\bWish::|::Insisted\b|(Job|File|Server)Engine\b|ServerFeed|QueueFigures|LadderLevel|\bMeeting\b|vvp_std_adapter::(knob|system)\b|ipc::FanIn\b'
complain "a name that was given up" "$(grep -nE "$gone" "${files[@]}" README.md docs/*.md .ci/README.md scripts/*.sh | grep -v "^docs/glossary.md\|^scripts/house-rules.sh")"

# Paths of this tree that a page names in code marks.
dead=$(grep -noE '`(src|tests|docs|cli|replay|std-adapter|testkit|benches|scripts|examples|fuzz|proofs|include|\.ci)/[A-Za-z0-9_./-]*`' \
  README.md CONTRIBUTING.md .ci/README.md docs/*.md | tr -d '`' |
  while IFS=: read -r page line path; do if [ ! -e "${path%.}" ]; then printf '%s:%s: %s\n' "$page" "$line" "$path"; fi; done)
complain "a page names a path that is not there" "$dead"

# Lines wider than 100 columns: comments of Rust, prose of README.md and docs/. Exempt are tables,
# code blocks, lines without a place to break (a long link), and the page that scripts/benchmarks.sh
# writes.
wide=$(awk '
  FNR == 1 { code = 0; rust = FILENAME ~ /\.rs$/ }
  rust && !/^[ \t]*\/\// { code = 0; next }
  { text = $0 }
  rust { sub(/^[ \t]*\/\/[\/!]? ?/, "", text) }
  text ~ /^ *([-*] +)?```/ { code = !code; next }
  code || text ~ /^ *\|/ { next }
  { sub(/^ *([-*>] +)?/, "", text) }
  text ~ /^[^ ]+ +[^ ]/ { print FILENAME ":" FNR ":" $0 }
' README.md docs/*.md "${files[@]}" | grep -v '^docs/benchmarks.md:' |
  LC_ALL=C.UTF-8 grep -E '^[^:]+:[0-9]+:.{101}' | cut -d: -f1,2 || true)
complain "wider than 100 columns" "$wide"

# `comm` prints a step that only one of the two has.
steps=$(sed -n 's/^ *- steps: //p' .github/workflows/ci.yml | tr ' ' '\n' | sort)
complain "steps that .ci/run and .github/workflows/ci.yml do not both have" "$(comm -3 <(.ci/run --list | sort) <(echo "$steps"))"

scripts/numbers.sh || bad=1

if [ "$bad" != 0 ]; then die "house rules broken, see above"; fi
say "${#files[@]} files keep the house rules"
