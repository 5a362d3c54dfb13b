# shellcheck shell=bash
# What public scripts and tools expect of kind's nodes and clusters beside its
# command line. Every point is tried, and each that fails is named.
VERSION=v0.33.0

get() { :; }

NODE=cl-scripts-control-plane
wrong=0 points=""
# expect POINT COMMAND...
expect() {
  local said
  if said=$("${@:2}" 2>&1); then echo "ok: $1"; else
    wrong=$((wrong + 1)) points="$points $1;"
    echo "WRONG: $1: $(tail -n 1 <<<"$said")"
  fi
}
crictl() { docker exec "$NODE" crictl "$@"; }
prints() {
  "${@:2}" >said 2>&1 && grep -qE -- "$1" said && return
  cat said
  return 1
}
lacks() { "${@:2}" >said && ! grep -E -- "$1" said; }

check() {
  step "as of kind $VERSION"
  local id etcd
  cluster cl-scripts
  busybox_image skiff-test/scripts:1

  step "the program's name"
  for id in kind-linux-amd64 kind-v0.33.0 kind-v0.17.0-linux-amd64; do
    ln -s "$(readlink "$SCRATCH/bin/kind")" "$SCRATCH/bin/$id"
    expect "$id is kind" prints '^kind v[0-9]' "$id" version
  done

  kind create cluster --name cl-scripts
  usable cl-scripts
  step "crictl"
  expect "crictl --version" prints '^crictl version ' crictl --version
  expect "crictl config --get" prints 'containerd.sock' crictl config --get runtime-endpoint
  id=$(crictl ps --name etcd -q) || true
  expect "crictl ps --name etcd -q" grep -qE '^[0-9a-f]{64}$' <<<"$id"
  expect "crictl ps -q --label" prints "$id" crictl ps -q --label io.kubernetes.container.name=etcd
  expect "crictl ps --state Running -q" prints "$id" crictl ps --state Running -q
  expect "crictl pods --name coredns -q" prints '^[0-9a-f]{64}$' crictl pods --name coredns -q
  expect "crictl logs --tail=1" prints . crictl logs --tail=1 "$id"
  expect "crictl exec" crictl exec "$id" etcd --version
  expect "crictl stats" prints etcd crictl stats
  expect "crictl imagefsinfo" prints mountpoint crictl imagefsinfo
  expect "crictl images --digests" prints DIGEST crictl images --digests
  expect "crictl inspecti --template" prints '^registry.k8s.io/pause' \
    crictl inspecti -o go-template --template '{{index .status.repoTags 0}}' "$(crictl images -o json | grep -o '"registry.k8s.io/pause:[^"]*"' | head -n 1 | tr -d '"')"
  kind load docker-image skiff-test/scripts:1 --name cl-scripts
  expect "the loaded image is listed" prints skiff-test/scripts crictl images
  expect "crictl rmi --prune" crictl rmi --prune
  expect "... removes what is unused" lacks skiff-test/scripts crictl images
  expect "... and nothing else" prints registry.k8s.io/pause crictl images

  step "etcdctl"
  etcd=(kubectl exec -n kube-system "etcd-$NODE" -- etcdctl)
  expect "etcdctl version" prints 'etcdctl version' "${etcd[@]}" version
  expect "etcdctl get" prints /registry/namespaces/default "${etcd[@]}" --endpoints=https://127.0.0.1:2379 \
    --cacert=/etc/kubernetes/pki/etcd/ca.crt --cert=/etc/kubernetes/pki/etcd/server.crt --key=/etc/kubernetes/pki/etcd/server.key \
    get /registry/namespaces/default --keys-only

  step "what is in a node and a cluster"
  expect "DaemonSet kindnet, as tools recognise kind's network by" kubectl -n kube-system rollout status daemonset/kindnet --timeout=30s
  expect "pods with the label k8s-app=kindnet" prints . kubectl -n kube-system get pods -l k8s-app=kindnet -o name
  expect "/etc/containerd/cri-base.json" prints ociVersion docker exec "$NODE" cat /etc/containerd/cri-base.json
  kubectl create -f - <<'YAML'
apiVersion: node.k8s.io/v1
kind: RuntimeClass
metadata: {name: test-handler}
handler: test-handler
YAML
  kind load docker-image skiff-test/scripts:1 --name cl-scripts
  kubectl run handler --image=skiff-test/scripts:1 --image-pull-policy=Never --overrides='{"spec":{"runtimeClassName":"test-handler"}}'
  expect "the runtime handler test-handler" kubectl wait --for=condition=Ready pod/handler --timeout=20s
  for id in mount.nfs mount.nfs4 iscsiadm; do
    expect "$id" docker exec "$NODE" sh -c "command -v $id"
  done

  kind delete cluster --name cl-scripts
  gone cl-scripts
  step "result"
  [ $wrong = 0 ] || fail "$wrong points are wrong:$points"
}
