# shellcheck shell=bash
# ctlptl (Tilt): declares clusters and their registry; it runs `kind`, writes
# certs.d files into nodes, and a containerd patch with `registry.mirrors` and
# `registry.configs` where a definition has `registryAuths`.
VERSION=v0.9.3

get() {
  go_program ctlptl github.com/tilt-dev/ctlptl $VERSION ./cmd/ctlptl
  registry_program
}

check() {
  local port
  cluster cl-ctlptl
  registry_image registry:2
  container skiff-test-ctlptl skiff-test-login
  busybox_image skiff-test/ctlptl:1

  port=$(free_port)
  step "create a registry and a cluster"
  ctlptl create registry skiff-test-ctlptl --port "$port"
  ctlptl create cluster kind --name kind-cl-ctlptl --registry skiff-test-ctlptl
  ctlptl get clusters | grep -E '^\*? *kind-cl-ctlptl '
  usable cl-ctlptl
  kubectl -n kube-public get configmap local-registry-hosting
  step "an image from the registry"
  push skiff-test/ctlptl:1 "localhost:$port/app:1"
  pulled "localhost:$port/app:1" skiff-test/ctlptl:1
  pulled skiff-test-ctlptl:5000/app:1 skiff-test/ctlptl:1
  ctlptl delete cluster kind-cl-ctlptl
  gone cl-ctlptl

  step "registryAuths"
  # The same images behind a login: user `me`, password `secret`.
  # shellcheck disable=SC2016
  echo 'me:$2a$04$QYgObiG1gaDPaJcsj9nUxeoSvCgk13SVJhR0kCZTgcwIH0rbhjAvC' >htpasswd
  docker create --network kind --name skiff-test-login --volumes-from skiff-test-ctlptl -e REGISTRY_AUTH=htpasswd \
    -e REGISTRY_AUTH_HTPASSWD_REALM=test -e REGISTRY_AUTH_HTPASSWD_PATH=/htpasswd registry:2
  docker cp htpasswd skiff-test-login:/htpasswd
  docker start skiff-test-login
  cat >cluster.yaml <<'YAML'
apiVersion: ctlptl.dev/v1alpha1
kind: Cluster
name: kind-cl-ctlptl
product: kind
registry: skiff-test-ctlptl
registryAuths:
- {host: team.example, endpoint: "http://skiff-test-login:5000", username: me, password: secret}
YAML
  ctlptl apply -f cluster.yaml
  usable cl-ctlptl
  # ctlptl has made the registry anew, without its content.
  push skiff-test/ctlptl:1 "localhost:$port/app:1"
  pulled "localhost:$port/app:1" skiff-test/ctlptl:1
  pulled team.example/app:1 skiff-test/ctlptl:1
  step "delete with the registry"
  ctlptl delete -f cluster.yaml --cascade=true
  gone cl-ctlptl
  [ -z "$(docker ps -aq --filter name=skiff-test-ctlptl)" ] || fail "the registry is still there"
}

push() {
  docker tag "$1" "$2"
  later "docker rmi $2"
  docker push "$2"
}
# pulled REFERENCE SAID: a pod of an image that no node has yet.
pulled() {
  local pod=pulled-$RANDOM
  kubectl run "$pod" --image="$1" --image-pull-policy=Always
  kubectl wait --for=condition=Ready "pod/$pod" --timeout=60s || { kubectl describe "pod/$pod"; return 1; }
  eventually 20 says cl-ctlptl "$pod" "$2"
}
