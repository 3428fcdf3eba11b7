#!/usr/bin/env bash
# The chart in a real control plane on loopback (deploy/checks/cluster): installed from every set of values, and what its Job
# does at each end of a pod. Needs openssl.
set -euo pipefail
cd "$(dirname "$0")/../.."
source deploy/checks/tools.sh
need_helm
need_python
need_podmonitor
need_cluster
work=$(mktemp -d)
pids=()
end() {
  code=$?
  for ((i = ${#pids[@]} - 1; i >= 0; i--)); do kill "${pids[i]}" 2>/dev/null && wait "${pids[i]}" 2>/dev/null || true; done
  if [ $code != 0 ]; then tail -n 5 "$work"/*.log >&2; fi
  rm -rf "$work"
}
trap end EXIT
read -r etcd peer api controllers < <("$python" -c '
import socket
s = [socket.create_server(("127.0.0.1", 0)) for _ in range(4)]
print(*(x.getsockname()[1] for x in s))')

openssl genrsa -out "$work/sa.key" 2048 2>/dev/null
openssl rsa -in "$work/sa.key" -pubout -out "$work/sa.pub" 2>/dev/null
token=$(openssl rand -hex 16)
echo "$token,check,check,system:masters" >"$work/tokens.csv"

"$cluster" etcd "$work/etcd" "http://127.0.0.1:$etcd" "http://127.0.0.1:$peer" >"$work/etcd.log" 2>&1 & pids+=($!)
"$cluster" kube-apiserver --etcd-servers="http://127.0.0.1:$etcd" --bind-address=127.0.0.1 --advertise-address=127.0.0.1 --endpoint-reconciler-type=none --secure-port="$api" \
  --cert-dir="$work/certs" --token-auth-file="$work/tokens.csv" --authorization-mode=RBAC --service-cluster-ip-range=10.0.0.0/24 \
  --service-account-issuer=https://kubernetes.default.svc --service-account-key-file="$work/sa.pub" \
  --service-account-signing-key-file="$work/sa.key" >"$work/apiserver.log" 2>&1 & pids+=($!)

export KUBECONFIG=$work/kubeconfig
cat >"$KUBECONFIG" <<K
apiVersion: v1
kind: Config
clusters: [{name: c, cluster: {server: "https://127.0.0.1:$api", certificate-authority: $work/certs/apiserver.crt}}]
users: [{name: u, user: {token: $token}}]
contexts: [{name: c, context: {cluster: c, user: u}}]
current-context: c
K
for _ in $(seq 240); do
  "$cluster" kubectl get --raw /readyz >/dev/null 2>&1 && break
  kill -0 "${pids[1]}" 2>/dev/null || { echo "the API server ended" >&2; exit 1; }
  sleep 0.5
done
"$cluster" kube-controller-manager --kubeconfig="$KUBECONFIG" --bind-address=127.0.0.1 --secure-port="$controllers" --leader-elect=false \
  --cert-dir="$work/certs" --service-account-private-key-file="$work/sa.key" \
  --controllers=job-controller,namespace-controller,serviceaccount-controller,garbage-collector-controller >"$work/controllers.log" 2>&1 & pids+=($!)

HELM=$helm CLUSTER=$cluster PODMONITOR=$podmonitor "$python" deploy/checks/cluster.py
