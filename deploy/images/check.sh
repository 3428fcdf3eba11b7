#!/usr/bin/env bash
# The proof of the images: both are built by buildah on a Debian made by debootstrap, run by runc as a cluster runs them, and
# looked into. Needs root, and buildah, debootstrap, runc, jq and gcc of Debian; an hour, and 30 GB below build/images.
#
#   STEPS="cpu run-cpu"   what to do of: bases cpu run-cpu run-cluster cuda run-cuda repeat
set -euo pipefail
cd "$(dirname "$0")/../.."
source deploy/checks/tools.sh
source deploy/images/container.sh
work=$PWD/build/images
mkdir -p "$work"
export BUILDAH_ISOLATION=chroot
# Where overlays cannot be mounted, STORAGE_DRIVER=vfs does, on four times the disk.
storage=(--storage-driver "${STORAGE_DRIVER:-overlay}" --root "$work/storage" --runroot "$work/run")
buildah() { command buildah "${storage[@]}" "$@"; }
fail() { echo "FAILED: $*" >&2; exit 1; }
ok() { echo "ok: $*"; }
for tool in buildah debootstrap runc jq gcc; do
  command -v $tool >/dev/null || fail "$tool is not here: apt-get install buildah debootstrap runc jq gcc"
done
[ "$(id -u)" = 0 ] || fail "this needs root"
buildah rm --all >/dev/null # of a build that was broken off: each is as large as an image
version=${VERSION:-$(git describe --tags --always --dirty)}
commit=${COMMIT:-$(git rev-parse HEAD)}
candles=${CANDLES:-$PWD/../shared/market/5m}

# debian:bookworm is bare; golang:bookworm is it with the Go of this machine, and with what this machine trusts and is told by its
# environment about where to fetch from.
bases() {
  local c
  if [ ! -f "$work/debian/etc/debian_version" ]; then
    # shellcheck disable=SC2086
    debootstrap --variant=minbase bookworm "$work/debian" ${DEBIAN_MIRROR:-} >"$work/debootstrap.log" || fail "debootstrap: see $work/debootstrap.log"
    rm -rf "$work"/debian/var/cache/apt/archives/*.deb "$work"/debian/var/lib/apt/lists/* "$work"/debian/var/log/*
  fi
  c=$(buildah from scratch)
  buildah add --quiet "$c" "$work/debian" / >/dev/null
  buildah config --cmd /bin/bash "$c"
  buildah commit --quiet --timestamp 0 --rm "$c" localhost/debian:bookworm >/dev/null
  c=$(buildah from --pull=never localhost/debian:bookworm)
  buildah add --quiet "$c" "$(go env GOROOT)" /usr/local/go >/dev/null
  if [ -f /etc/ssl/certs/ca-certificates.crt ]; then
    buildah add --quiet "$c" /etc/ssl/certs/ca-certificates.crt /etc/ssl/local.pem >/dev/null
    buildah config --env SSL_CERT_FILE=/etc/ssl/local.pem --env PIP_CERT=/etc/ssl/local.pem "$c"
  fi
  buildah config --env PATH=/usr/local/go/bin:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin --env GOTOOLCHAIN=local \
    --env "GOPROXY=$(go env GOPROXY)" --env "GOSUMDB=$(go env GOSUMDB)" "$c"
  buildah commit --quiet --timestamp 0 --rm "$c" localhost/golang:bookworm >/dev/null
  ok "bases of debootstrap: $(size "$work/debian") MB"
}

# A make target on these bases.
build() { # target, name, more arguments of make
  local began=$SECONDS
  make --no-print-directory "$1" IMAGE="localhost/$2" VERSION="$version" IMAGE_TOOL="buildah ${storage[*]}" \
    GO_IMAGE=localhost/golang:bookworm BASE_IMAGE=localhost/debian:bookworm "${@:3}" >"$work/$2-$1.log" 2>&1 ||
    { tail -n 30 "$work/$2-$1.log" >&2; fail "make $1: see $work/$2-$1.log"; }
  ok "$2: built by make $1 in $((SECONDS - began)) s"
}

size() { du --summarize --apparent-size --block-size=1000000 "$1" | cut -f 1; }

# Unpacks an image to $root and reads what it says of itself to $about.
unpack() { # name
  local c
  c=$(buildah from --pull=never "localhost/$1:$version")
  root=$work/root-$1
  rm -rf "$root"
  cp -a "$(buildah mount "$c")" "$root"
  about=$work/$1.json
  buildah inspect --type image "localhost/$1:$version" | jq .OCIv1 >"$about"
  buildah rm "$c" >/dev/null
}

# Runs the image in $root as containerd would, without network, and gives its exit code in $code, what it said in $out and $err.
# read_only: what the chart asks for (volumes at /work and /cache); else what a bare Job has.
start() { # read_only, user, CPUs, arguments of the program --, NAME=value ...
  local read_only=$1 user=$2 cpus=$3 mounts=()
  shift 3
  rm -rf "$work/volumes"
  mkdir -p "$work/volumes/work" "$work/volumes/cache"
  chown 65532:65532 "$work"/volumes/*
  [ "$read_only" = false ] || mounts+=("$work/volumes/work:/work:rw" "$work/volumes/cache:/cache:rw")
  [ ! -d "$candles" ] || mounts+=("$(realpath "$candles"):/candles:ro")
  runc delete --force gnn-trainer-check # of a check that was broken off
  bundle "$work/gnn-trainer-check" "$root" "$about" "$read_only" "$user" "$cpus" none "${mounts[@]}" -- "$@"
  out=$work/out.txt err=$work/err.txt
}
finish() { code=0; runc run --bundle "$work/gnn-trainer-check" gnn-trainer-check >"$out" 2>"$err" || code=$?; }
run() { start "$@"; finish; }
expect() { # code, what
  [ "$code" = "$1" ] || { tail -n 20 "$out" "$err" >&2; fail "$2: exit code $code, not $1"; }
}
says() { grep -qF -- "$1" "$err" "$out" || { tail -n 20 "$out" "$err" >&2; fail "it does not say: $1"; }; }

ids=(QUEUE_ID=q1 TYPE=gnn_trainer TELEMETRY_PRODUCER_ID=gnn-trainer__q1)
simulated=("${ids[@]}" SYMBOL=BTCUSDT DATA_SOURCE=simulated LOOKBACK=3d EPOCHS=2)
as_chart=(true 65532:65532 2)
as_bare_job=(false 65532:65532 2)

# What holds for both images.
common() { # name
  local user files
  user=$(jq -r .config.User "$about")
  [ "$user" = 65532:65532 ] || fail "$1 runs as $user"
  jq -e --arg v "$version" --arg c "$commit" '.config.Labels | .["org.opencontainers.image.version"] == $v and
    .["org.opencontainers.image.revision"] == $c and .["org.opencontainers.image.licenses"] == "MIT" and
    (.["org.opencontainers.image.created"] | test("^20.*Z$"))' "$about" >/dev/null || fail "labels of $1"
  files=$(find "$root" -xdev \( -type f -o -type l \) \( -name 'python*' -o -name 'pip*' -o -name 'gcc*' -o -name 'g++*' -o -name 'cc1*' \
    -o -name 'clang*' -o -name 'ld.bfd' -o -name '*-as' -o -name 'make' -o -name 'nvcc' -o -name '*.pyc' \) -path '*bin/*' -o -name '*.h' -path '*/include/*')
  [ -z "$files" ] || fail "a compiler or Python in $1: $files"
  [ -s "$root/etc/ssl/certs/ca-certificates.crt" ] || fail "no authorities in $1"
  ! grep -rlF "$PWD" "$root/opt" >/dev/null || fail "a path of this machine in $1"
  ok "$1: user $user, labels, authorities, no compiler, no Python"

  run "${as_chart[@]}" version --
  expect 0 version
  says "gnn-trainer $version, commit $commit of 20"
  ok "$1: $(cat "$out")"

  run "${as_chart[@]}" -- "${simulated[@]}" STORE_DIR=/opt/out
  expect 2 "a folder that is not to be written"
  says "read-only file system"
  run "${as_chart[@]}" -- SYMBOL=BTCUSDT
  expect 2 "no QUEUE_ID"
  says "QUEUE_ID is not set"
  ok "$1: wrong configuration ends with exit code 2"

  local before=$work/before
  touch "$before"
  run "${as_bare_job[@]}" -- "${simulated[@]}"
  expect 0 "a bare Job: environment only"
  says "metrics are served"
  # The mount points of the runtime are not the program's.
  files=$(find "$root" -xdev -newer "$before" -not -path "$root" -not -path "$root/work*" -not -path "$root/cache*" -not -path "$root/candles" \
    -not -path "$root/dev*" -not -path "$root/proc*" -not -path "$root/sys*")
  [ -z "$files" ] || fail "written beside /work and /cache: $files"
  [ -s "$root/work/out/market_gnn_v1/q1/manifest.json" ] || fail "no result in /work"
  rm -rf "$root"/work/* "$root"/cache/*
  ok "$1: a bare Job (environment only) runs, and writes to /work and /cache alone"

  run false 1234:0 2 -- "${simulated[@]}"
  expect 0 "any user of group 0"
  rm -rf "$root"/work/* "$root"/cache/*
  ok "$1: any user of group 0 runs it"
}

# The bill of materials says what is there, by what dpkg and Go say, and by syft where it can be had.
materials() { # name
  local sbom=$root/opt/gnn-trainer/share/sbom.cdx.json
  need_sbom
  "$sbom_venv/bin/python" - "$sbom" <<'P' || fail "the bill of materials of $1 is not CycloneDX 1.6"
import sys
from cyclonedx.schema import SchemaVersion
from cyclonedx.validation.json import JsonStrictValidator
sys.exit(str(JsonStrictValidator(SchemaVersion.V1_6).validate_str(open(sys.argv[1]).read()) or "") or 0)
P
  jq -r '.components[] | select(.purl) | "\(.purl | split("/")[0]) \(.name) \(.version)"' "$sbom" | sort -u >"$work/ours"
  dpkg-query --admindir="$root/var/lib/dpkg" --show --showformat 'pkg:deb ${Package} ${Version}\n' | sort >"$work/dpkg"
  grep '^pkg:deb' "$work/ours" | diff - "$work/dpkg" || fail "packages in the bill of $1"
  go version -m "$root/opt/gnn-trainer/bin/gnn-trainer" | awk '$1 == "dep" { print "pkg:golang", $2, $3 }' | sort >"$work/modules"
  grep '^pkg:golang' "$work/ours" | grep -v ' std ' | diff - "$work/modules" || fail "modules in the bill of $1"
  "$sbom_venv/bin/syft" scan "dir:$root" --quiet -o cyclonedx-json >"$work/syft.json" || fail "syft"
  jq -r '.components[] | select(.purl) | "\(.purl | split("/")[0]) \(.name) \(.version)"' "$work/syft.json" | grep -v ' stdlib \|streamforge/gnn-trainer' | sort -u >"$work/theirs"
  comm -13 "$work/ours" "$work/theirs" >"$work/missing"
  [ ! -s "$work/missing" ] || { cat "$work/missing" >&2; fail "syft finds in $1 what its bill of materials lacks"; }
  [ "$(find "$root/opt/gnn-trainer/share/licenses" -type f | wc -l)" -gt 40 ] || fail "licences"
  ok "$1: bill of materials of $(wc -l <"$work/ours") parts, all that dpkg, go and syft find ($(wc -l <"$work/theirs"))"
}

run_cpu() {
  unpack gnn-trainer
  local mb; mb=$(size "$root")
  [ "$mb" -le 750 ] || fail "$mb MB unpacked"
  ok "gnn-trainer: $mb MB unpacked, libtorch $(size "$root/opt/gnn-trainer/libtorch") MB of it"
  common gnn-trainer
  materials gnn-trainer

  # Each library of libtorch that is in the image is one that the dynamic linker loads for the program, and none is missing.
  chroot "$root" /lib64/ld-linux-x86-64.so.2 --list /opt/gnn-trainer/bin/gnn-trainer >"$work/loaded"
  ! grep 'not found' "$work/loaded" || fail "a library is missing"
  diff <(grep -o '/opt/gnn-trainer/[^ ]*' "$work/loaded" | while read -r f; do chroot "$root" readlink -f "$f"; done | grep /libtorch/ | sort -u) \
    <(cd "$root" && find opt/gnn-trainer/libtorch -name '*.so*' | sed 's|^|/|' | sort) || fail "the image holds other libraries than those loaded"
  ok "gnn-trainer: holds the libraries that are loaded, and no other"

  if [ -d "$candles" ]; then
    run "${as_chart[@]}" -- "${ids[@]}" SYMBOL=ETHBTC DATA_SOURCE=files DATA_DIR=/candles
    expect 0 "the real candles"
    local result=$work/volumes/work/out/market_gnn_v1/q1
    [ "$(jq -r .status "$result/manifest.json")" = finished ] || fail "the result is not finished"
    (cd "$result" && jq -r '.files[] | "\(.sha256)  \(.name)"' manifest.json | sha256sum --check --quiet) || fail "a file of the result is not what the manifest says"
    ok "gnn-trainer: real candles, read-only, no capability: $(jq -c '.splits.test | {accuracy, auc}' "$result/metrics.json")"
  else
    echo "skipped: the real candles are not here (CANDLES)"
  fi

  run "${as_chart[@]}" -- "${simulated[@]}" DEVICE=cuda
  expect 2 "DEVICE=cuda"
  says "no NVIDIA driver on this machine"
  ok "gnn-trainer: DEVICE=cuda is refused"

  # As many threads as the limit allows, for a batch that is worth them.
  local n
  for n in 1 2; do
    [ "$(nproc)" -ge "$n" ] || continue
    run true 65532:65532 $n -- "${simulated[@]}" EPOCHS=1 BASELINE=none BATCH_SIZE=512
    expect 0 "a limit of $n CPUs"
    grep -q "\"threads\":$n,\|\"threads\":$n}" "$err" || { grep threads "$err" >&2; fail "a limit of $n CPUs"; }
  done
  ok "gnn-trainer: threads follow the limit of the cgroup"

  # A stop of Kubernetes: SIGTERM once it trains.
  start "${as_chart[@]}" -- "${ids[@]}" SYMBOL=BTCUSDT DATA_SOURCE=simulated EPOCHS=100000 PATIENCE=0 LOOKBACK=3d
  runc run --bundle "$work/gnn-trainer-check" gnn-trainer-check >"$out" 2>"$err" &
  local pid=$!
  until grep -q '"epoch":' "$out"; do kill -0 $pid 2>/dev/null || fail "it ended before the stop: $(tail -n 3 "$err")"; sleep 0.2; done
  runc kill gnn-trainer-check TERM
  code=0; wait $pid || code=$?
  expect 143 SIGTERM
  [ "$(jq -r .status "$work/volumes/work/out/market_gnn_v1/q1/manifest.json")" = interrupted ] || fail "the result of a stop"
  ok "gnn-trainer: SIGTERM ends it with 143 and the model so far"
}

# Ends the containers of in-container that still run, and names them.
ended() {
  local folder name
  for folder in "$work"/containers/*; do
    name=$(basename "$folder")
    if runc state "$name" >/dev/null 2>&1; then echo "$name"; runc delete --force "$name"; fi
  done
}

# Tests that start the program beside a real Kafka and a real MinIO start the container in its place: a run to its end, one
# ended by SIGTERM, by a message and started again, what becomes of secrets, and how a run ends whose servers fail it. Those
# that kill it are left out: SIGKILL would end runc alone.
run_cluster() {
  local tests='^(TestInACluster|TestASIGTERM|TestAStopFromAnotherClient|TestAStoppedRunStartedAgain|TestNoSecretIsSeenAnywhere|TestARunEndsAsItShould)'
  make --no-print-directory setup servers >"$work/servers.log" 2>&1 || fail "make setup servers: see $work/servers.log"
  unpack gnn-trainer
  ended >/dev/null # of a check that was broken off
  rm -rf "$work/containers"
  CI=1 GNN_BINARY=$PWD/deploy/images/in-container PYTHON=$PWD/.venv/bin/python \
    go test -count 1 -v -timeout 30m ./test -run "$tests" >"$work/cluster.log" 2>&1 ||
    { grep -A 20 -e '--- FAIL' "$work/cluster.log" >&2; fail "Kafka and MinIO: see $work/cluster.log"; }
  ! grep -A 1 -e '--- SKIP' "$work/cluster.log" || fail "a test was skipped"
  [ -z "$(ended)" ] || fail "a container was left"
  rm -rf "$work/containers"
  ok "gnn-trainer: with a real Kafka and MinIO, $(grep -c '^ *--- PASS' "$work/cluster.log") tests: $(sed -n 's/^--- PASS: \(\w*\).*/\1/p' "$work/cluster.log" | paste -sd ' ')"
}

run_cuda() {
  unpack gnn-trainer-cuda
  ok "gnn-trainer-cuda: $(size "$root") MB unpacked, libtorch and CUDA $(size "$root/opt/gnn-trainer/libtorch") MB of it"
  common gnn-trainer-cuda
  materials gnn-trainer-cuda
  cmp "$root/opt/gnn-trainer/bin/gnn-trainer" "$work/root-gnn-trainer/opt/gnn-trainer/bin/gnn-trainer" || fail "another program than in the CPU image"
  ok "gnn-trainer-cuda: the very program of the CPU image"

  # What the driver brings is missing here, and nothing else: for each library, with all that it needs.
  (cd "$root" && find opt/gnn-trainer/libtorch -name '*.so*') | while read -r library; do
    chroot "$root" /usr/bin/env LD_TRACE_LOADED_OBJECTS=1 /lib64/ld-linux-x86-64.so.2 "/$library" | sed -n 's/^\s*\(\S*\) => not found/\1/p'
  done | sort -u >"$work/absent"
  ! grep -qv '^libcuda.so.1$\|^libnvidia-ml.so.1$' "$work/absent" || fail "libraries are missing: $(tr '\n' ' ' <"$work/absent")"
  ok "gnn-trainer-cuda: no library is missing but the driver's ($(tr '\n' ' ' <"$work/absent"))"

  run "${as_chart[@]}" -- "${simulated[@]}" DEVICE=auto
  expect 0 "DEVICE=auto without a GPU"
  says "no NVIDIA driver on this machine: libcuda.so.1 is not found"
  ok "gnn-trainer-cuda: DEVICE=auto goes on on the CPU, and says why"
  run "${as_chart[@]}" -- "${simulated[@]}" DEVICE=cuda
  expect 2 "DEVICE=cuda without a GPU"
  says "no NVIDIA driver on this machine: libcuda.so.1 is not found: set DEVICE=cpu, or run where an NVIDIA GPU and its driver are"
  ok "gnn-trainer-cuda: DEVICE=cuda is refused, and says why"

  # With a driver that is none, to see that libtorch's CUDA library opens with all that it needs.
  for device in cuda auto; do
    start "${as_chart[@]}" -- "${simulated[@]}" DEVICE=$device LD_LIBRARY_PATH=/work
    gcc -shared -o "$work/volumes/work/libcuda.so.1" -x c /dev/null
    finish
    says "the NVIDIA driver is there, but CUDA finds no usable GPU"
    [ $device = auto ] || expect 2 "DEVICE=cuda with a driver and no GPU"
    [ $device = cuda ] || expect 0 "DEVICE=auto with a driver and no GPU"
  done
  ok "gnn-trainer-cuda: its CUDA library opens, and tells a driver without a GPU from none"
  rm -rf "$root"
}

# The same commit on the same bases gives the same image, with layers kept of earlier commits or with nothing.
repeat() {
  build image again IMAGE_FLAGS="--layers --no-cache --timestamp 0"
  local one two
  one=$(buildah inspect --type image --format '{{.FromImageDigest}}' "localhost/gnn-trainer:$version")
  two=$(buildah inspect --type image --format '{{.FromImageDigest}}' "localhost/again:$version")
  if [ "$one" != "$two" ]; then
    unpack again
    diff <(buildah inspect --type image "localhost/gnn-trainer:$version" | jq .OCIv1) "$about" | head -n 40 >&2 || true
    diff --recursive --no-dereference --brief "$work/root-gnn-trainer/opt" "$root/opt" | head >&2 || true
    fail "built twice, two images: $one, $two"
  fi
  ok "gnn-trainer: built twice, one image: $one"
}

for step in ${STEPS:-bases cpu run-cpu run-cluster cuda run-cuda repeat}; do
  case $step in
    bases) bases ;;
    cpu) build image gnn-trainer ;;
    cuda) build image-cuda gnn-trainer -o image ;;
    run-cpu) run_cpu ;;
    run-cluster) run_cluster ;;
    run-cuda) run_cuda ;;
    repeat) repeat ;;
    *) fail "no step $step" ;;
  esac
done
