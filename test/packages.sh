#!/usr/bin/env bash
# packages.sh concurrent|rest|measured: the packages whose tests `make test` runs
# with the race detector, those that it runs without, and those that also have
# tests which -race leaves out. test/ itself is none of them.
set -euo pipefail
cd "$(dirname "$0")/.."
sources() { find bench cmd data internal kafka nn pyg python store test -name "$1" -print0; }
folders() { xargs -rn1 dirname | sort -u | sed 's,^,./,'; }
# Who starts goroutines or guards against them; tests count.
concurrent() { sources '*.go' | xargs -0 grep -lE '^\s*(defer )?go |\.Go\(|"sync(/atomic)?"' | folders; }
case "${1-}" in
concurrent) concurrent | grep -vx ./test ;;
rest) sources '*_test.go' | tr '\0' '\n' | folders | grep -vx ./test | comm -23 - <(concurrent) ;;
measured) sources '*_test.go' | xargs -0 grep -lx '//go:build !race' | folders ;;
*) sed -n '2,4s/^# //p' "$0" >&2; exit 2 ;;
esac
