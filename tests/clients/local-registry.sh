# shellcheck shell=bash
# The local registry of kind's documentation (kind v0.33.0,
# site/content/docs/user/local-registry.md): a registry beside the nodes, known
# to them as localhost:PORT by a file in certs.d.
VERSION=v0.33.0

get() { registry_program; }

check() {
  step "as of the documentation of kind $VERSION"
  local port node
  cluster cl-registry
  registry_image registry:3
  container skiff-test-registry
  busybox_image skiff-test/registry:1
  port=$(free_port)
  docker run --detach --restart=always --publish "127.0.0.1:$port:5000" --network bridge --name skiff-test-registry registry:3
  step "create, with config_path as a patch"
  kind create cluster --name cl-registry --config=- <<'YAML'
kind: Cluster
apiVersion: kind.x-k8s.io/v1alpha4
nodes: [{role: control-plane}, {role: worker}]
containerdConfigPatches:
- |-
  [plugins."io.containerd.grpc.v1.cri".registry]
    config_path = "/etc/containerd/certs.d"
YAML
  step "a file for the registry in every node"
  for node in $(kind get nodes --name cl-registry); do
    docker exec "$node" mkdir -p "/etc/containerd/certs.d/localhost:$port"
    printf '[host."http://skiff-test-registry:5000"]\n' |
      docker exec -i "$node" cp /dev/stdin "/etc/containerd/certs.d/localhost:$port/hosts.toml"
  done
  docker network connect kind skiff-test-registry
  usable cl-registry
  kubectl -n kube-public create configmap local-registry-hosting --from-literal="localRegistryHosting.v1=host: localhost:$port"
  step "push and pull"
  docker tag skiff-test/registry:1 "localhost:$port/app:1"
  later "docker rmi localhost:$port/app:1"
  docker push "localhost:$port/app:1"
  kubectl create deployment app --image="localhost:$port/app:1" --replicas=2
  kubectl rollout status deployment/app --timeout=90s
  eventually 20 says cl-registry deployment/app skiff-test/registry:1
  kind delete cluster --name cl-registry
  gone cl-registry
}
