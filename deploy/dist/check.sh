#!/usr/bin/env bash
# The tarball on a bare Debian 12 and 13, with the libtorch that it names, fetched as its README says. Needs root, debootstrap and
# a Python with pip for that fetch.
set -euo pipefail
cd "$(dirname "$0")/../.."
tarball=$(realpath "$1") version=$2 commit=$3
work=$PWD/build/dist-check
fail() { echo "FAILED: $*" >&2; exit 1; }
ok() { echo "ok: $*"; }
command -v debootstrap >/dev/null || fail "debootstrap is not here: apt-get install debootstrap"
[ "$(id -u)" = 0 ] || fail "this needs root"

(cd "$(dirname "$tarball")" && sha256sum --check --quiet "$(basename "$tarball" .tar.gz).sha256") || fail "checksums"
rm -rf "$work/unpacked"
mkdir -p "$work/unpacked"
tar --extract --file "$tarball" --directory "$work/unpacked" --strip-components 1
! grep -rlF "$PWD" "$work/unpacked" || fail "the tarball names a path of this machine"
torch=$(sed -n 's/^torch==//p' "$work/unpacked/share/requirements.txt")
if [ ! -e "$work/libtorch-$torch/torch" ]; then
  (cd "$work/unpacked" && REQUIREMENTS=share/requirements.txt python3 share/libtorch.py cpu "$work/site" "$work/libtorch-$torch")
  rm -rf "$work/site"
fi

# Runs a command in the Debian below $root, as nobody in particular.
inside() {
  unshare --mount --pid --fork bash -c 'mount -t proc proc "$1/proc" && exec chroot --userspec=65532:65532 "$@"' - "$root" /usr/bin/env -i PATH=/usr/bin:/bin "$@"
}
for suite in bookworm trixie; do
  root=$work/$suite
  if [ ! -e "$root/etc/debian_version" ]; then
    # shellcheck disable=SC2086
    debootstrap --variant=minbase $suite "$root" ${DEBIAN_MIRROR:-} >"$work/debootstrap-$suite.log" || fail "debootstrap: see $work/debootstrap-$suite.log"
  fi
  debian=$(cat "$root/etc/debian_version")
  rm -rf "$root/opt/gnn-trainer" "$root/srv/out"
  cp -a "$work/unpacked" "$root/opt/gnn-trainer"
  install -d -o 65532 "$root/srv/out"

  ! inside /opt/gnn-trainer/bin/gnn-trainer version >"$work/out" 2>&1 || fail "Debian $debian: it runs without libtorch"
  grep -q 'libtorch_cpu.so: cannot open shared object file\|libc10.so: cannot open shared object file' "$work/out" || fail "Debian $debian: $(cat "$work/out")"
  ! inside /opt/gnn-trainer/use-libtorch /srv >"$work/out" 2>&1 || fail "use-libtorch takes /srv"
  grep -qF 'there is no lib/libtorch_cpu.so in /srv' "$work/out" || fail "use-libtorch: $(cat "$work/out")"

  cp -a "$work/libtorch-$torch" "$root/opt/gnn-trainer/libtorch"
  chown -R 65532 "$root/opt/gnn-trainer"
  said=$(inside /opt/gnn-trainer/use-libtorch /opt/gnn-trainer/libtorch/torch) || fail "Debian $debian: use-libtorch"
  [[ $said == "gnn-trainer $version, commit $commit of 20"*"Z, libtorch $torch, go"* ]] || fail "version: $said"
  inside QUEUE_ID=q1 SYMBOL=BTCUSDT TYPE=gnn_trainer TELEMETRY_PRODUCER_ID=g DATA_SOURCE=simulated LOOKBACK=3d EPOCHS=2 STORE_DIR=/srv/out \
    /opt/gnn-trainer/bin/gnn-trainer >"$work/out" 2>"$work/err" || { tail "$work/err" >&2; fail "Debian $debian: a run"; }
  grep -q '"status": *"finished"' "$root/srv/out/market_gnn_v1/q1/manifest.json" || fail "Debian $debian: no result"
  ok "Debian $debian, nothing installed: $said"
done
