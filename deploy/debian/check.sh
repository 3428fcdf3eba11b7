#!/usr/bin/env bash
# README's two commands, `make run` and `make test`, on a bare Debian 12 made by debootstrap: with nothing but what README asks
# for, as a user of its own, from a clone, without a terminal. Needs root and debootstrap; 20 GB below build/debian-check.
set -euo pipefail
cd "$(dirname "$0")/../.."
work=$PWD/build/debian-check
root=$work/root
fail() { echo "FAILED: $*" >&2; exit 1; }
ok() { echo "ok: $*"; }
command -v debootstrap >/dev/null || fail "debootstrap is not here: apt-get install debootstrap"
[ "$(id -u)" = 0 ] || fail "this needs root"
mkdir -p "$work"

# README's list, and what it names for the tests on a broker. Go is copied in below: Debian's own is older.
packages=(g++ make git python3 python3-venv ca-certificates maven openjdk-17-jre-headless)

# Of this machine the Debian has the network, the authorities that it trusts beside the common ones, and where its environment
# says to fetch from.
fetching=(GOPROXY="$(go env GOPROXY)" GOSUMDB="$(go env GOSUMDB)")
for name in $(compgen -e); do
  case $name in *_proxy | *_PROXY | PIP_*INDEX_URL | npm_config_registry) fetching+=("$name=${!name}") ;; esac
done
[ -z "$(ls /usr/local/share/ca-certificates 2>/dev/null)" ] ||
  for name in SSL_CERT_FILE PIP_CERT REQUESTS_CA_BUNDLE NODE_EXTRA_CA_CERTS; do fetching+=("$name=/etc/ssl/certs/ca-certificates.crt"); done

inside() { # user, command
  # shellcheck disable=SC2016
  unshare --mount --pid --fork --kill-child setsid --wait bash -c '
    mount -t proc proc "$1/proc" && mount --rbind /sys "$1/sys" && mount --rbind /dev "$1/dev" && mount -t tmpfs -o mode=1777 shm "$1/dev/shm" &&
    exec chroot --userspec="$2:$2" "$1" "${@:4}" /bin/bash -euc "cd; $3"' - "$root" "$1" "$2" \
    /usr/bin/env -i "HOME=$([ "$1" = root ] && echo /root || echo "/home/$1")" "USER=$1" DEBIAN_FRONTEND=noninteractive \
    PATH=/usr/local/go/bin:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin "${fetching[@]}" </dev/null
}
timed() { # name, command of the user
  local begin=$SECONDS
  inside user "$2" >"$work/$1.log" 2>&1 || { tail -n 40 "$work/$1.log" >&2; fail "$2: see $work/$1.log"; }
  took="$(((SECONDS - begin) / 60)) min $(((SECONDS - begin) % 60)) s"
}

if [ ! -e "$work/base/etc/debian_version" ]; then
  # shellcheck disable=SC2086
  debootstrap --variant=minbase bookworm "$work/base" ${DEBIAN_MIRROR:-} >"$work/debootstrap.log" || fail "debootstrap: see $work/debootstrap.log"
fi
rm -rf "$root"
cp -a "$work/base" "$root"
cp /etc/resolv.conf /etc/hosts "$root/etc/"
inside root "apt-get update --quiet && apt-get install --yes --quiet --no-install-recommends ${packages[*]} && useradd --create-home --shell /bin/bash user" \
  >"$work/packages.log" 2>&1 || fail "packages: see $work/packages.log"
cp -a "$(go env GOROOT)" "$root/usr/local/go"
if [ -d /usr/local/share/ca-certificates ]; then
  cp -a /usr/local/share/ca-certificates "$root/usr/local/share/"
  inside root update-ca-certificates >>"$work/packages.log" 2>&1
fi
git bundle create --quiet "$root/srv/gnn-trainer.bundle" HEAD
ok "Debian $(cat "$root/etc/debian_version") with ${packages[*]} and $(go env GOVERSION)"

timed clone "git clone --quiet /srv/gnn-trainer.bundle gnn-trainer"
timed run "cd gnn-trainer && make run"
grep -q '"status": *"finished"' "$root/home/user/gnn-trainer/out/market_gnn_v1/demo/manifest.json" || fail "make run leaves no result"
grep -q 'model.pt in Python says what predictions.parquet says' "$work/run.log" || fail "Python says nothing of the model"
ok "make run: $took, set-up included"
timed again "cd gnn-trainer && make run"
ok "make run once more: $took"
timed test "cd gnn-trainer && make test"
grep -q '^ok .*/test\b' "$work/test.log" || fail "the tests of the built program did not run"
inside user "cd gnn-trainer && java -version && ls build/servers/kafka/kafka_*.jar build/servers/bin/minio" >>"$work/test.log" 2>&1 || fail "no Kafka or MinIO to test with"
ok "make test: $took, $(grep -c '^ok ' "$work/test.log") packages"
left=$(inside user "git -C gnn-trainer status --porcelain; ls -A | grep -v '^\.\|^gnn-trainer$\|^go$' || true")
[ -z "$left" ] || fail "files are left that git does not ignore: $left"
ok "nothing is left that git does not ignore; $(du --summarize --block-size=1000000 "$root/home/user/gnn-trainer" | cut -f 1) MB in the clone"
