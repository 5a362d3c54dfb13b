#!/usr/bin/env bash
# What the files beside this one share. tests/clients.sh runs it as
# `lib.sh CLIENT get|check`; see there.
set -eEuo pipefail
here=$(cd "$(dirname "$0")" && pwd)
repository=$(cd "$here/../.." && pwd)

CACHE=${XDG_CACHE_HOME:-$HOME/.cache}/skiff-test-clients
CLIENT=$CACHE/$1
# Programs put together here, for all clients.
BIN=$CACHE/bin
mkdir -p "$CLIENT" "$BIN"

step() { echo "== $*"; }
fail() { echo "$*" >&2; exit 1; }
# Where it stopped; the line before says why.
trap 'echo "-- ${BASH_SOURCE[0]##*/}, line $LINENO: exit code $?: $BASH_COMMAND" >&2' ERR

# --- getting clients ---------------------------------------------------------

# need PROGRAM PACKAGE: of Debian, unless PROGRAM is there.
need() { command -v "$1" >/dev/null || debian "$2"; }
debian() {
  step "Debian's package $1"
  [ "$(id -u)" = 0 ] || fail "please install: $1"
  apt-get -qq update || true
  DEBIAN_FRONTEND=noninteractive apt-get -qq -y --no-install-recommends install "$1"
}
# Go fetches the version that a module wants by itself, since 1.21.
need_go() {
  need go golang-go
  (cd / && go env GOTOOLCHAIN | grep -q .) || fail "Go 1.21 or newer is needed, here is $(go version)"
}

# Modules of clients, which get() does not keep: some have a gigabyte of them.
GO_MODULES=$CACHE/go-modules
forget_modules() { GOMODCACHE=$GO_MODULES go clean -modcache; }
# go_module MODULE VERSION: prints where its source is.
go_module() {
  need_go >&2
  (cd / && GOMODCACHE=$GO_MODULES go mod download -json "$1@$2") | tee /dev/stderr | sed -n 's/^\t"Dir": "\(.*\)",\{0,1\}$/\1/p'
}

# go_program NAME MODULE VERSION PACKAGE: $BIN/NAME, built in the module's own directory:
# with the versions its authors chose. `go install` also asks for the list of
# all versions, which not every proxy has.
go_program() {
  local program=$BIN/$1-$3 source
  if [ ! -x "$program" ]; then
    step "building $1 $3"
    source=$(go_module "$2" "$3")
    (cd "$source" && GOMODCACHE=$GO_MODULES CGO_ENABLED=0 GOFLAGS=-buildvcs=false \
      go build -trimpath -ldflags "-s -w" -o "$program" "$4")
    forget_modules
  fi
  ln -sf "$program" "$BIN/$1"
}

# go_test MODULE VERSION: compiles the Go test on stdin, which uses the module.
go_test() {
  local source
  source="// with $1 $2
$(cat)"
  [ "$(cat "$CLIENT/test.of" 2>/dev/null)" != "$source" ] || return 0
  need_go
  step "compiling a test with $1 $2"
  echo "$source" >"$CLIENT/client_test.go"
  # The versions that the module wants come with it.
  printf 'module test\n\ngo 1.26.0\n\nrequire %s %s\n' "$1" "$2" >"$CLIENT/go.mod"
  (cd "$CLIENT" && GOMODCACHE=$GO_MODULES CGO_ENABLED=0 GOFLAGS='-mod=mod -buildvcs=false' \
    go test -c -trimpath -ldflags "-s -w" -o test .)
  forget_modules
  cp "$CLIENT/client_test.go" "$CLIENT/test.of"
}

# python_packages NAME==VERSION...: a virtual environment in $CLIENT/venv.
python_packages() {
  [ "$(cat "$CLIENT/venv/packages" 2>/dev/null)" != "$*" ] || return 0
  need python3 python3
  python3 -c 'import ensurepip' 2>/dev/null || debian python3-venv
  step "Python packages $*"
  python3 -m venv --clear "$CLIENT/venv"
  "$CLIENT/venv/bin/pip" install --quiet "$@"
  echo "$*" >"$CLIENT/venv/packages"
}

# kubectl of the node image, for clients that call it.
kubectl_program() {
  local image container id
  image=$(node_image)
  id=$(docker image inspect --format '{{.Id}}' "$image")
  if [ "$(cat "$BIN/kubectl.of" 2>/dev/null)" != "$id" ]; then
    container=$(docker create "$image")
    docker cp --follow-link "$container:/usr/bin/kubectl" "$BIN/kubectl" >/dev/null
    docker rm "$container" >/dev/null
    echo "$id" >"$BIN/kubectl.of"
  fi
}

# The image that nodes get by default.
node_image() {
  "$repository/target/release/skiff" create cluster --dry-run --name any 2>/dev/null | sed -n 's/^ *image: //p' | head -n 1
}

# registry_program: the registry that images called `registry` have inside.
registry_program() { go_program registry github.com/distribution/distribution/v3 v3.1.2 ./cmd/registry; }

# --- checking ----------------------------------------------------------------

# Commands that clean up, the newest first.
LATER=()
later() { LATER=("$*" "${LATER[@]}"); }
clean_up() {
  local code=$? command
  trap - EXIT ERR
  set +e
  if [ $code != 0 ] && [ -s "$KUBECONFIG" ]; then
    { kubectl --request-timeout=5s get pods -A -o wide; kubectl --request-timeout=5s get events -A; } 2>&1 | sed 's/^/-- /'
  fi
  for command in "${LATER[@]}"; do eval "$command"; done >/dev/null 2>&1
  exit $code
}

# cluster NAME...: claims names for clusters that the client makes. They are
# removed in the end, but nobody else's cluster is.
cluster() {
  local name
  for name in "$@"; do
    ! listed "$name" || fail "a cluster called $name exists already"
    later "kind delete cluster --name $name"
  done
}
# Not with grep -q, which would end before the other side has written it all.
listed() { kind get clusters 2>/dev/null | grep -x -- "$1" >/dev/null; }
gone() {
  [ -z "$(docker ps -aq --filter "label=io.x-k8s.kind.cluster=$1")" ] || fail "cluster $1 still has containers"
  ! listed "$1" || fail "cluster $1 is still listed"
}

# container NAME...: names for containers that the check makes. Say it after the
# image that they are made of, which is removed after them.
container() {
  docker rm --force --volumes "$@" >/dev/null 2>&1 || true
  later "docker rm --force --volumes $*"
}

# image NAME DIRECTORY [CHANGE...]: makes an image of what is in a directory; changes
# as for `docker import`.
image() {
  local name=$1 directory=$2 change changes=()
  shift 2
  docker rmi --force "$name" >/dev/null 2>&1 || true
  for change in "$@"; do changes+=(--change "$change"); done
  tar -C "$directory" --owner=0 --group=0 -c . | docker import "${changes[@]}" - "$name" >/dev/null
  later "docker rmi --force $name"
}
# busybox_image NAME: an image with a shell. It says what is in its file /name,
# here NAME, every second.
busybox_image() {
  local directory
  directory=$(mktemp -d -p .)
  chmod 755 "$directory"
  mkdir -p "$directory/bin" "$directory/tmp"
  cp -L "$("$repository/tests/fetch.sh" busybox)" "$directory/bin/busybox"
  ln -s busybox "$directory/bin/sh"
  echo "$1" >"$directory/name"
  image "$1" "$directory" 'ENTRYPOINT ["/bin/sh", "-c", "trap exit TERM; while busybox cat /name; do busybox sleep 1; done"]'
}

# registry_image NAME: an image that works as Docker Hub's `registry` does. For
# clients that start one, under the name that they ask for. One that is there is taken.
registry_image() {
  ! docker image inspect "$1" >/dev/null 2>&1 || return 0
  mkdir -p registry-image
  cp "$BIN/registry" registry-image/
  cat >registry-image/config.yml <<'YAML'
version: 0.1
storage: {filesystem: {rootdirectory: /var/lib/registry}}
http: {addr: ":5000"}
YAML
  image "$1" registry-image 'ENTRYPOINT ["/registry", "serve", "/config.yml"]' \
    'VOLUME /var/lib/registry' 'EXPOSE 5000' 'ENV OTEL_TRACES_EXPORTER=none'
}
# A port of the host. An engine that chooses one chooses again when a container
# gets another network.
free_port() {
  local port
  for port in $(shuf -i 20000-29999 -n 50); do
    (exec 3<>"/dev/tcp/127.0.0.1/$port") 2>/dev/null || { echo "$port"; return; }
  done
}

# eventually SECONDS COMMAND...: until it succeeds.
eventually() {
  local end=$((SECONDS + $1))
  shift
  until "$@"; do
    [ $SECONDS -lt $end ] || fail "not within the time it had: $*"
    sleep 1
  done
}

# usable NAME: waits until nodes are Ready, pods can be made, and DNS is there.
usable() {
  local kubectl=(kubectl --context "kind-$1")
  "${kubectl[@]}" wait --for=condition=Ready nodes --all --timeout=90s
  eventually 30 "${kubectl[@]}" get serviceaccount default
  "${kubectl[@]}" -n kube-system rollout status deployment/coredns --timeout=90s
}
# says CLUSTER POD LINE: whether the pod has printed the line.
says() { kubectl --context "kind-$1" logs "$2" | grep -xF -- "$3" >/dev/null; }

# In an empty directory. Caches and the engine's settings stay the user's.
prepare() {
  SCRATCH=$(mktemp -d)
  later "rm -rf $SCRATCH"
  trap clean_up EXIT
  trap 'exit 143' TERM
  trap 'exit 130' INT
  export DOCKER_CONFIG=${DOCKER_CONFIG:-$HOME/.docker}
  if command -v go >/dev/null; then
    GOPATH=$(go env GOPATH) GOCACHE=$(go env GOCACHE) GOMODCACHE=$(go env GOMODCACHE)
    export GOPATH GOCACHE GOMODCACHE GOFLAGS=-buildvcs=false CGO_ENABLED=0
  fi
  kubectl_program
  mkdir -p "$SCRATCH/bin" "$SCRATCH/home" "$SCRATCH/work"
  ln -s "$repository/target/release/skiff" "$SCRATCH/bin/kind"
  export PATH=$SCRATCH/bin:$BIN:$PATH HOME=$SCRATCH/home KUBECONFIG=$SCRATCH/kubeconfig
  unset KIND_CLUSTER_NAME KIND_EXPERIMENTAL_PROVIDER KIND_EXPERIMENTAL_DOCKER_NETWORK XDG_CACHE_HOME
  cd "$SCRATCH/work"
}

# shellcheck source=/dev/null
source "$here/$1.sh"
[ "$2" != check ] || prepare
"$2"
