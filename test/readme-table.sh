#!/usr/bin/env bash
# readme-table.sh [--write]: compares the table of variables in README.md with
# the one that internal/config makes, and fails where they differ; --write puts
# the made one in its place.
set -euo pipefail
cd "$(dirname "$0")/.."

begin='<!-- variables -->'
end='<!-- /variables -->'
for marker in "$begin" "$end"; do
  if [ "$(grep -cxF -- "$marker" README.md)" != 1 ]; then
    echo "README.md must hold the line $marker once: put it back around the table of variables" >&2
    exit 1
  fi
done

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
"${GO:-go}" run ./internal/config/readme > "$work/table"
# Markdown needs an empty line between a comment and a table.
awk -v begin="$begin" -v end="$end" -v table="$work/table" '
  $0 == end { inside = 0 }
  !inside { print }
  $0 == begin {
    inside = 1
    print ""
    while ((getline line < table) > 0) print line
    print ""
  }' README.md > "$work/README.md"

if [ "${1-}" = --write ]; then
  cat "$work/README.md" > README.md
elif ! diff -u README.md "$work/README.md"; then
  echo "README.md tells other variables than internal/config: run test/readme-table.sh --write" >&2
  exit 1
fi
