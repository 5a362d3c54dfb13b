# shellcheck shell=bash
# kwokctl with the runtime kind: a cluster by `kind`, with fake nodes that its
# controller, a static Pod, keeps Ready. It brings its own PKI and manifests
# as mounts, and old kubeadm documents as patches.
VERSION=v0.8.0

get() {
  go_program kwokctl sigs.k8s.io/kwok $VERSION ./cmd/kwokctl
  go_program kwok sigs.k8s.io/kwok $VERSION ./cmd/kwok
}

check() {
  local kwok=(kwokctl --name cl-kwok)
  cluster kwok-cl-kwok
  # Its manifest calls the program `kwok`.
  mkdir -p kwok/usr/local/bin
  cp "$BIN/kwok" kwok/usr/local/bin/
  image skiff-test/kwok:1 kwok 'ENTRYPOINT ["/usr/local/bin/kwok"]'
  export KWOK_KIND_BINARY KWOK_KUBECTL_BINARY KWOK_KIND_NODE_IMAGE KWOK_CONTROLLER_IMAGE=skiff-test/kwok:1
  KWOK_KIND_BINARY=$(command -v kind) KWOK_KUBECTL_BINARY=$(command -v kubectl) KWOK_KIND_NODE_IMAGE=$(node_image)

  step "create"
  waited "${kwok[@]}" create cluster --runtime kind --wait 60s
  kwokctl get clusters | grep -x cl-kwok
  step "fake nodes"
  "${kwok[@]}" scale node fake --replicas 3
  eventually 60 nodes_are 4
  "${kwok[@]}" kubectl create deployment app --image=any --replicas=5
  "${kwok[@]}" kubectl patch deployment app --type=merge \
    -p '{"spec":{"template":{"spec":{"nodeSelector":{"type":"kwok"},"tolerations":[{"operator":"Exists"}]}}}}'
  "${kwok[@]}" kubectl rollout status deployment/app --timeout=60s
  step "export logs"
  "${kwok[@]}" export logs logs
  step "stop and start with fake nodes"
  "${kwok[@]}" stop cluster
  waited "${kwok[@]}" start cluster --wait 60s
  eventually 60 nodes_are 4
  step "etcdctl"
  "${kwok[@]}" etcdctl get /registry/minions/fake-000000 --keys-only | grep -x /registry/minions/fake-000000
  step "delete"
  "${kwok[@]}" delete cluster
  gone kwok-cl-kwok
}
# It only writes a line, and ends with 0, if a cluster did not get ready.
waited() {
  "$@" 2>&1 | tee said
  ! grep -q 'Failed to wait' said
}
nodes_are() { [ "$(kwokctl --name cl-kwok kubectl get nodes --no-headers | grep -cE ' Ready[ ,]')" = "$1" ]; }
