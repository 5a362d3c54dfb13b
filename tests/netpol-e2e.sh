#!/usr/bin/env bash
# Runs Kubernetes' own NetworkPolicy specs on a cluster of this node image.
# Compiling the specs takes 4 minutes on 2 idle cores, running them about 20.
#
#   tests/netpol-e2e.sh [CLUSTER] [FOCUS]
#
# Without CLUSTER it creates one with two workers, and deletes it afterwards.
set -euo pipefail
cd "$(dirname "$0")/.."
export PATH="$PATH:/usr/local/go/bin" CGO_ENABLED=0 GOFLAGS="-mod=mod -buildvcs=false"
cluster=${1:-} focus=${2:-Netpol} version=v1.37.2 skiff=$PWD/target/release/skiff
work=${NETPOL_E2E_DIR:-$(mktemp -d)}
export KUBECONFIG=$work/kubeconfig
mkdir -p "$work/image/tmp"

cp -n node-image/kubernetes/$version/go.{mod,sum} "$work/"
cd "$work"
[ -e image/agnhost ] || go build -trimpath -o image/agnhost k8s.io/kubernetes/test/images/agnhost
[ -e e2e.test ] || go test -c -ldflags "-s -w" -o e2e.test k8s.io/kubernetes/test/e2e

# The name that the specs want their image to have.
list=$(go list -f '{{.Dir}}' k8s.io/kubernetes/test/utils/image)/manifest.go
image=registry.k8s.io/e2e-test-images/agnhost:$(sed -n 's/.*configs\[Agnhost\] .*"agnhost", "\(.*\)"}.*/\1/p' "$list")

if [ -z "$cluster" ]; then
  cluster=np-e2e
  trap '"$skiff" delete cluster --name "$cluster"' EXIT
  printf 'kind: Cluster\napiVersion: kind.x-k8s.io/v1alpha4\nnodes: [{role: control-plane}, {role: worker}, {role: worker}]\n' |
    "$skiff" create cluster --name "$cluster" --image skiff/node:$version --config -
else
  "$skiff" export kubeconfig --name "$cluster"
fi
tar -C image -c . | docker import --change 'ENTRYPOINT ["/agnhost"]' --change 'CMD ["pause"]' - "$image" >/dev/null
"$skiff" load docker-image "$image" --name "$cluster"
# Without SCTP in the host's kernel the specs' servers do not start.
skip=()
modprobe -q sctp || grep -q '^SCTP ' /proc/net/protocols || skip=(--ginkgo.skip SCTPConnectivity)
./e2e.test --kubeconfig "$KUBECONFIG" --provider skeleton --ginkgo.focus "$focus" "${skip[@]}" \
  --allowed-not-ready-nodes 0 --non-blocking-taints node-role.kubernetes.io/control-plane
