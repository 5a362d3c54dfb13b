#!/usr/bin/env bash
# From a bare machine to a running Kubernetes cluster.
#
#   ./quickstart.sh           packages, engine, skiff, node image, cluster
#   ./quickstart.sh engine    only what the tests need: packages and engine
#   ./quickstart.sh remove    deletes the cluster, and the engine if it is ours
#
# Root is needed for two things only: installing missing packages, and running
# an engine of our own where there is none. An engine that is installed is neither
# started nor changed, even if it does not answer.
set -euo pipefail
cd "$(dirname "$0")"

CLUSTER=devops-lab
TREE_HOME=${SKIFF_ENGINE_HOME:-/var/lib/skiff-engine}
RUN=${SKIFF_ENGINE_RUN:-/run/skiff-engine}
SOCKET=${SKIFF_ENGINE_SOCKET:-/run/docker.sock} # a link to the socket in RUN
SUITE=trixie # Debian 13: its engine runs with the capabilities it is given
MARK=ready-1 # raise to have existing trees rebuilt

export HOME=${HOME:-$(getent passwd "$(id -u)" | cut -d: -f6)}
export PATH="$PATH:/usr/local/sbin:/usr/sbin:/sbin:$HOME/.cargo/bin:/usr/local/go/bin"

say() { printf '%s\n' "$*" >&2; }
die() { say "error: $*"; exit 1; }
have() { command -v "$1" >/dev/null 2>&1; }

# stage TITLE COMMAND...: runs it and prints how long it took.
stage() {
  local title=$1 start=$SECONDS
  shift
  say "==> $title"
  "$@" || die "$title failed (see above)"
  say "    $title: $((SECONDS - start)) s"
}

as_root() {
  if [ "$(id -u)" = 0 ]; then "$@"
  elif have sudo; then say "    (root needed: $1)"; sudo "$@"
  else die "root is needed for: $*"; fi
}

# Tries a command that talks to the network up to three times.
retry() {
  local attempt
  for attempt in 1 2 3; do
    "$@" && return 0
    say "    attempt $attempt of 3 failed: $*"
    sleep $((attempt * 3))
  done
  return 1
}

apt_install() {
  # An unrelated package source that fails must not stop us; the install tells.
  as_root apt-get -qq -o Acquire::Retries=3 -o DPkg::Lock::Timeout=300 update >&2 || say "    (apt-get update had problems)"
  as_root env DEBIAN_FRONTEND=noninteractive apt-get -qq -y --no-install-recommends \
    -o Acquire::Retries=3 -o DPkg::Lock::Timeout=300 install "$@" >/dev/null
}

packages() {
  local missing=()
  have cc || missing+=(gcc libc6-dev)
  have curl || missing+=(curl ca-certificates)
  [ ${#missing[@]} = 0 ] || { have apt-get || die "please install: ${missing[*]}"; retry apt_install "${missing[@]}"; }
  cargo --version >/dev/null 2>&1 && return
  if have rustup; then retry rustup toolchain install stable --profile minimal && rustup default stable
  elif have apt-get && retry apt_install rustup && retry rustup default stable; then :
  else die "cargo is missing: install Rust 1.89 or newer from https://rustup.rs"; fi
}

engine_answers() { timeout 10 curl -fsS --unix-socket "$SOCKET" http://engine/_ping >/dev/null 2>&1; }

# Without the docker client too: skiff does not need it.
host_answers() {
  case "${DOCKER_HOST:-}" in
    unix://*) timeout 10 curl -fsS --unix-socket "${DOCKER_HOST#unix://}" http://engine/_ping ;;
    tcp://*) timeout 10 curl -fsS "http://${DOCKER_HOST#tcp://}/_ping" ;;
    *) false ;;
  esac >/dev/null 2>&1
}

engine() {
  if host_answers || { [ -n "${DOCKER_HOST:-}" ] && have docker && timeout 20 docker version >/dev/null 2>&1; }; then
    say "    engine at $DOCKER_HOST answers"
  elif engine_answers; then
    say "    engine answers"
  elif have docker && timeout 20 docker version >/dev/null 2>&1; then
    say "    engine answers (by the docker client's settings)"
  else
    leave_others_alone
    as_root "$0" own-engine
  fi
}

# Ends this script where somebody else's engine is, running or not: a second one would
# take its socket and its firewall rules away. There is one if its program runs, if that
# or its unit is installed, if a client is set to use one, or if anything is at its socket.
leave_others_alone() {
  local unit folder program context pid
  [ ! -S "$SOCKET" ] || is_ours "$SOCKET" || [ -w "$SOCKET" ] || die "you may not use $SOCKET; add yourself to the group docker (sudo usermod -aG docker $(id -un), then log in again), or run this as root"
  for pid in $(pgrep -x dockerd); do
    # A process that is ending, such as a killed engine of ours, has no arguments any more.
    [ -n "$(tr -d '\0' <"/proc/$pid/cmdline" 2>/dev/null)" ] || continue
    runs_ours "$pid" || runs_tests "$pid" || die "an engine runs already (process $pid), but does not answer here; set DOCKER_HOST to its address"
  done
  for program in dockerd dockerd-rootless.sh; do
    ! have $program || die "$(command -v $program) is installed, but no engine answers; start it (such as: systemctl start docker) and run this again"
  done
  for folder in /etc/systemd/system /usr/local/lib/systemd/system /usr/lib/systemd/system /lib/systemd/system; do
    for unit in docker.service docker.socket snap.docker.dockerd.service; do
      [ ! -e "$folder/$unit" ] || die "the engine of $folder/$unit does not answer; start it (systemctl start ${unit%.*}) and run this again"
    done
  done
  [ -z "${DOCKER_HOST:-}" ] || die "no engine answers at DOCKER_HOST=$DOCKER_HOST; start it, or unset DOCKER_HOST"
  context=$(docker context show 2>/dev/null || true)
  case "$context" in "" | default) ;; *) die "no engine answers at docker context $context; start it, or choose another (docker context use default)" ;; esac
  [ ! -e "$SOCKET" ] && [ ! -L "$SOCKET" ] || is_ours "$SOCKET" || is_abandoned "$SOCKET" || die "$SOCKET is not ours, and no engine answers there; start the engine it belongs to, or remove the file"
}

is_ours() { [ "$(readlink "$1")" = "$RUN/docker.sock" ]; }

# A socket that nobody listens on, as killed engines leave it.
is_abandoned() {
  local status=0
  [ -S "$1" ] || return 1
  timeout 10 curl -fsS --unix-socket "$1" http://engine/_ping >/dev/null 2>&1 || status=$?
  [ $status = 7 ] # curl: could not connect
}

# --- an engine of our own: Debian's, run from a tree beside the host ---------

alive() { # a zombie is not alive
  local pid=$1
  [ -r "/proc/$pid/stat" ] && ! grep -q '^State:[[:space:]]*Z' "/proc/$pid/status" 2>/dev/null
}

build_tree() {
  [ -e "$TREE_HOME/tree/$MARK" ] && return
  have apt-get || die "no container engine answers; install Docker and run this again"
  have mmdebstrap && have iptables && have unshare || retry apt_install mmdebstrap iptables util-linux
  rm -rf "$TREE_HOME/tree"
  mkdir -p "$TREE_HOME"
  retry make_tree
  touch "$TREE_HOME/tree/$MARK"
}

make_tree() {
  rm -rf "$TREE_HOME/tree"
  mmdebstrap --quiet --variant=minbase --aptopt='Acquire::Retries "3"' \
    --include=docker.io,iptables,iproute2,ca-certificates,kmod,procps "$SUITE" "$TREE_HOME/tree" >&2
}

# Whether a process is our engine, or its containerd: their arguments name RUN.
runs_ours() { alive "$1" && tr '\0' ' ' <"/proc/$1/cmdline" 2>/dev/null | grep -qF "$RUN/"; }

# Whether it is an engine that the tests have left behind when they were killed.
runs_tests() { tr '\0' ' ' <"/proc/$1/cmdline" 2>/dev/null | grep -qF -e --exec-root=/run/skiff-test-engines/; }

# What a killed engine leaves: processes without a daemon, pid files whose
# number may be somebody else's by now, a socket nobody listens on.
clear_stale() {
  local file pid
  for file in "$RUN/docker.pid" "$RUN/exec/containerd/containerd.pid"; do
    pid=$(cat "$file" 2>/dev/null) || continue
    ! runs_ours "$pid" || kill -9 "$pid" 2>/dev/null || true
  done
  # Shims of ours carry our exec root in their arguments.
  for pid in $(pgrep -f "containerd-shim.*$RUN/exec" 2>/dev/null); do kill -9 "$pid" 2>/dev/null || true; done
  sleep 0.2
  awk -v below="$RUN/" 'index($2, below) == 1 { print $2 }' /proc/mounts | sort -r |
    while read -r mount; do umount -l "$mount" 2>/dev/null || true; done
  rm -rf "$RUN"
  if is_ours "$SOCKET" || is_abandoned "$SOCKET"; then rm -f "$SOCKET"; fi
}

start_engine() {
  clear_stale
  mkdir -p "$RUN" "$TREE_HOME/data"
  # Only the programs come from the tree: its /usr is seen by the daemon alone.
  # Everything else stays the host's, so bind mounts mean what they say.
  setsid unshare -m --propagation private bash -c '
    set -e
    tree=$1 run=$2 data=$3
    mkdir -p "$run/local"
    mount --bind /usr/local "$run/local"
    mount --bind "$tree/usr" /usr
    mount --bind "$run/local" /usr/local
    mount --bind "$tree/etc/ld.so.cache" /etc/ld.so.cache
    [ ! -d /etc/alternatives ] || mount --bind "$tree/etc/alternatives" /etc/alternatives
    mount --make-rshared / # as hosts have it: mounts may ask for propagation
    export PATH=/usr/sbin:/usr/bin:/sbin:/bin
    ulimit -n "$(ulimit -Hn)" || true
    exec dockerd --data-root="$data" --exec-root="$run/exec" --pidfile="$run/docker.pid" \
      --host="unix://$run/docker.sock" --log-level=warn' \
    engine "$TREE_HOME/tree" "$RUN" "$TREE_HOME/data" </dev/null >"$TREE_HOME/dockerd.log" 2>&1 &
  local dockerd=$! waited=0
  ln -s "$RUN/docker.sock" "$SOCKET"
  until engine_answers; do
    waited=$((waited + 1))
    if [ $waited -gt 600 ] || { [ $((waited % 5)) = 0 ] && ! alive "$dockerd" && ! pgrep -f "dockerd .*--exec-root=$RUN/exec" >/dev/null; }; then
      tail -n 30 "$TREE_HOME/dockerd.log" >&2
      return 1
    fi
    sleep 0.2
  done
}

own_engine() {
  engine_answers || leave_others_alone
  [ "$(id -u)" = 0 ] || die "an engine of our own needs root"
  mkdir -p "$TREE_HOME"
  exec 9>"$TREE_HOME/lock"
  flock -w 900 9 || die "another start of the engine takes too long ($TREE_HOME/lock)"
  engine_answers && return
  have curl || retry apt_install curl ca-certificates
  build_tree
  # The lock must not live on in the daemon.
  start_engine 9>&- || { say "    the engine did not start; once more"; start_engine 9>&-; } || {
    [ -d "$TREE_HOME/data" ] || return 1
    # Data that the daemon cannot live with any more: set aside, not deleted.
    say "    the engine does not start with its data; setting $TREE_HOME/data aside"
    mv "$TREE_HOME/data" "$TREE_HOME/data.$(date +%s)"
    start_engine 9>&-
  }
  say "    own engine started (programs in $TREE_HOME/tree, log in $TREE_HOME/dockerd.log)"
}

remove() {
  [ ! -x target/release/skiff ] || target/release/skiff delete cluster --name "$CLUSTER"
  [ -d "$TREE_HOME/tree" ] || return 0
  say "An engine of our own is in $TREE_HOME; stop and delete it with:"
  say "  sudo $0 remove-engine"
}

remove_engine() {
  local pid
  pid=$(cat "$RUN/docker.pid" 2>/dev/null) || pid=
  if [ -n "$pid" ] && runs_ours "$pid"; then
    kill "$pid" 2>/dev/null || true
    while alive "$pid"; do sleep 0.3; done
  fi
  clear_stale
  rm -rf "${TREE_HOME:?}"
}

# --- the whole way -----------------------------------------------------------

build() { retry cargo build --release --locked; }

node_image() { target/release/skiff build node-image --prefer-pull; }

cluster() {
  if target/release/skiff get clusters 2>/dev/null | grep -qx "$CLUSTER"; then
    say "    cluster \"$CLUSTER\" is there already"
  else
    target/release/skiff create cluster --config configs/devops-lab.yaml
  fi
  target/release/skiff kubectl --name "$CLUSTER" -- get nodes -o wide
}

everything() {
  stage "Packages" packages
  stage "Container engine" engine
  stage "Building skiff" build
  stage "Node image" node_image
  stage "Cluster $CLUSTER" cluster
  cat >&2 <<TEXT

The cluster is ready, and your kubeconfig points to it. Try:

  target/release/skiff kubectl --name $CLUSTER -- get pods -A
  target/release/skiff kubectl --name $CLUSTER -- create deployment web --image=registry.k8s.io/pause:3.10.2
  target/release/skiff export logs --name $CLUSTER

Remove it all with:  $0 remove
TEXT
}

case "${1:-}" in
  "") everything ;;
  engine) stage "Packages" packages; stage "Container engine" engine ;;
  own-engine) own_engine ;;
  remove) remove ;;
  remove-engine) remove_engine ;;
  *) sed -n '2,10s/^# \{0,1\}//p' "$0"; exit 2 ;;
esac
