# shellcheck shell=bash
# helm/kind-action: what its shell does in a CI job, in our words. It has a
# cluster of its own name, waits 60 s for it, and deletes it in a later step.
VERSION=v1.12.0

get() { registry_program; }

check() {
  step "as of kind-action $VERSION"
  local node port
  cluster chart-testing
  registry_image registry:2
  container skiff-test-action
  busybox_image skiff-test/action:1
  step "versions"
  kind version | grep -E '^kind v[0-9.]+ go[^ ]+ linux/'
  kubectl version --client=true
  step "the registry, before there is a cluster"
  port=$(free_port)
  docker run --detach --restart=always --name skiff-test-action --network bridge -p "127.0.0.1:$port:5000" \
    -e REGISTRY_STORAGE_DELETE_ENABLED=false registry:2
  step "create"
  printf 'kind: Cluster\napiVersion: kind.x-k8s.io/v1alpha4\nnodes: [{role: control-plane}, {role: worker}]\n' >config.yaml
  kind create cluster --name=chart-testing --wait=60s --config=config.yaml --verbosity=4
  kubectl get nodes --no-headers | tee nodes
  [ "$(grep -c ' Ready ' nodes)" = 2 ] || fail "--wait=60s returned before both nodes were Ready"
  step "the registry, for the nodes"
  docker network connect kind skiff-test-action
  for node in $(kind get nodes -n chart-testing); do
    docker exec "$node" mkdir -p /etc/containerd/certs.d/skiff-test-action:5000
    echo '[host."http://skiff-test-action:5000"]' |
      docker exec -i "$node" cp /dev/stdin /etc/containerd/certs.d/skiff-test-action:5000/hosts.toml
  done
  docker tag skiff-test/action:1 "localhost:$port/app:1"
  later "docker rmi localhost:$port/app:1"
  docker push "localhost:$port/app:1"
  kubectl run app --image=skiff-test-action:5000/app:1
  kubectl wait --for=condition=Ready pod/app --timeout=90s
  step "clean up"
  kind delete cluster --name=chart-testing
  gone chart-testing
  ! kubectl config get-contexts kind-chart-testing || fail "the context is still there"
}
