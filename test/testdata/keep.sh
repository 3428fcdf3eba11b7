#!/usr/bin/env bash
# keep.sh VERSION: what this version of the program leaves, small, for later
# ones to read (../kept_test.go): VERSION/result is the folder of a finished run,
# VERSION/checkpoint.pt the newest checkpoint of one that was stopped.
set -euo pipefail
cd "$(dirname "$0")"
version=${1:?the version, such as v0.2.0}
program=$PWD/../../bin/gnn-trainer
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

# run QUEUE_ID EPOCHS: a run of a small network on a small market, in $work.
run() {
  cd "$work" # the manifest tells the folder
  exec env -i PATH="$PATH" QUEUE_ID="$1" SYMBOL=BTCUSDT TYPE=gnn_trainer TELEMETRY_PRODUCER_ID=gnn-trainer__kept \
    DATA_SOURCE=simulated SYMBOLS=top:4 START=2024-05-01T00:00:00Z END=2024-05-02T12:00:00Z \
    HIDDEN=8 PATIENCE=0 CHECKPOINT_EVERY=1 MESSAGE_LANG=en STORE_DIR=. EPOCHS="$2" "$program"
}

(run finished 5 > /dev/null)
run stopped 1000000 > /dev/null &
stopped=$!
trained=$work/market_gnn_v1/stopped/checkpoints
until ls "$trained"/model-*.pt > /dev/null 2>&1; do sleep 0.1; done
kill -TERM $stopped
if wait $stopped; then echo 'it ended before it was stopped' >&2; exit 1; fi

rm -rf "$version"
mkdir "$version"
mv "$work/market_gnn_v1/finished" "$version/result"
mv "$(ls "$trained"/model-*.pt | tail -n 1)" "$version/checkpoint.pt"
# Of what lies beside a result, nothing is its own.
find "$version/result" -mindepth 1 \( -name '.*' -o -type d \) -exec rm -rf {} +
du -sh "$version"
