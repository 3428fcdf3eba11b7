#!/usr/bin/env bash
# The packages that are pure Go must stay so: their tests run in seconds, with
# no libtorch, only as long as nothing native is among what they import.
set -euo pipefail
cd "$(dirname "$0")/.."
pure=(./data/... ./pyg/... ./kafka/... ./store/... ./internal/config/... ./nn/catalog/... ./nn/checkpoint/... ./internal/evaluation/... ./internal/result/... ./internal/report/... ./internal/progress/... ./internal/metrics/... ./internal/kubeflow/... ./internal/cgroup/... ./internal/spelling/... ./internal/fault/... ./internal/paragraph/... ./internal/audit/... ./internal/tune/...)
native='gotorch.*|gnn-trainer/(nn|nn/torch.*|nn/train|internal/job)'
go list -deps -test -f '{{$p := .ImportPath}}{{range .Imports}}{{$p}} imports {{.}}{{"\n"}}{{end}}' "${pure[@]}" |
  grep -E " imports .*($native)$" && {
  echo "a package that must be pure Go imports something native (see above)" >&2
  exit 1
}
cgo=$(git grep -l '^import "C"' -- '*.go' | grep -v '^nn/torch/' || true)
if [ -n "$cgo" ]; then
  echo "cgo belongs in nn/torch alone: $cgo" >&2
  exit 1
fi
