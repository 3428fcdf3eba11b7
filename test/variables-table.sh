#!/usr/bin/env bash
# variables-table.sh [--write]: compares the table of variables in docs/variables.md with
# the one that internal/config makes, and the chart's schema with its names, and fails
# where they differ; --write puts the made ones in their place.
set -euo pipefail
cd "$(dirname "$0")/.."

begin='<!-- variables -->'
end='<!-- /variables -->'
for marker in "$begin" "$end"; do
  if [ "$(grep -cxF -- "$marker" docs/variables.md)" != 1 ]; then
    echo "docs/variables.md must hold the line $marker once: put it back around the table of variables" >&2
    exit 1
  fi
done

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
"${GO:-go}" run ./internal/config/table > "$work/table"
# Markdown needs an empty line between a comment and a table.
awk -v begin="$begin" -v end="$end" -v table="$work/table" '
  $0 == end { inside = 0 }
  !inside { print }
  $0 == begin {
    inside = 1
    print ""
    while ((getline line < table) > 0) print line
    print ""
  }' docs/variables.md > "$work/new"

if [ "${1-}" = --write ]; then
  cat "$work/new" > docs/variables.md
elif ! diff -u docs/variables.md "$work/new"; then
  echo "docs/variables.md is not the table of internal/config: run test/variables-table.sh --write" >&2
  exit 1
fi

deploy/checks/variables.py "$@"
