#!/usr/bin/env bash
# Times "create until usable" of a 3-node cluster, kind and skiff taking turns
# with the same image. Usable: every node Ready, CoreDNS available.
#
#   tests/bench/create.sh [RUNS]
set -euo pipefail
cd "$(dirname "$0")/../.."
runs=${1:-3}
work=$(mktemp -d)
trap 'cleanup' EXIT
cleanup() {
  target/release/skiff -q delete clusters skiff-bench-kind skiff-bench-skiff || true
  rm -rf "$work"
}
image=skiff/node:v1.37.2
kind=$(tests/fetch.sh kind)
export KUBECONFIG=$work/kubeconfig
cat >"$work/lab.yaml" <<Y
kind: Cluster
apiVersion: kind.x-k8s.io/v1alpha4
kubeadmConfigPatches:
- |
  kind: KubeletConfiguration
  failCgroupV1: false
nodes: [{role: control-plane}, {role: worker}, {role: worker}]
Y

usable() { # NAME
  target/release/skiff kubectl --name "$1" -- wait --for=condition=Ready nodes --all --timeout=300s >/dev/null
  target/release/skiff kubectl --name "$1" -- -n kube-system rollout status deployment/coredns --timeout=300s >/dev/null
}

measure() { # PROGRAM NAME
  local start
  start=$(date +%s.%N)
  "$1" create cluster --name "$2" --image "$image" --config "$work/lab.yaml" >"$work/log" 2>&1 || { cat "$work/log" >&2; exit 1; }
  usable "$2"
  echo "$start $(date +%s.%N)" | awk '{ printf "%.1f\n", $2 - $1 }'
  "$1" -q delete cluster --name "$2"
}

median() { sort -n | awk '{ v[NR] = $1 } END { print v[int((NR + 1) / 2)] }'; }

for _ in $(seq "$runs"); do
  measure "$kind" skiff-bench-kind >>"$work/kind"
  measure target/release/skiff skiff-bench-skiff >>"$work/skiff"
done
echo "kind:  $(paste -sd' ' "$work/kind") s, median $(median <"$work/kind") s"
echo "skiff: $(paste -sd' ' "$work/skiff") s, median $(median <"$work/skiff") s"
