#!/usr/bin/env bash
# Engines for tests beside the usual one, each in a network namespace of its own
# so that it gets in nobody's way.
#
#   tests/engine.sh start KIND        prints its socket
#   tests/engine.sh run KIND COMMAND  in its network, where nodes are reached
#   tests/engine.sh restart KIND      stops it cleanly and starts it again
#   tests/engine.sh stop KIND         and removes everything it had
#
# KIND                   programs                     images
#   containerd             of quickstart.sh's engine    in containerd's store
#   no-ipv6                the same, where the host     in Docker's own store
#                          has no IPv6; MTU 1400
#   docker-28              Docker 28 of Debian forky    in Docker's own store
#   docker-28-containerd   the same                     in containerd's store
#   podman                 Podman 5.8 of Debian forky   in Podman's store
#
# The programs of Debian forky are in a tree that is made once.
set -euo pipefail
KIND=${2:-}
HOME_OF=${SKIFF_TEST_ENGINES:-/var/lib/skiff-test-engines}
FORKY=$HOME_OF/forky
DATA=$HOME_OF/$KIND
RUN=/run/skiff-test-engines/$KIND
SOCKET=$RUN/engine.sock
case "$KIND" in
  containerd | no-ipv6) TREE=${SKIFF_ENGINE_HOME:-/var/lib/skiff-engine}/tree ;;
  docker-28 | docker-28-containerd | podman) TREE=$FORKY ;;
  *) sed -n '2,19s/^# \{0,1\}//p' "$0"; exit 2 ;;
esac

answers() { timeout 10 curl -fsS --unix-socket "$SOCKET" http://engine/_ping >/dev/null 2>&1; }

# Processes of this engine: those that carry its directories in their arguments.
ours() { pgrep -f -- "(dockerd|containerd|conmon|aardvark-dns|podman) .*($RUN|$DATA)/" || true; }

# Podman's containers outlive its service.
remove_containers() {
  local id
  for id in $(curl -fsS --unix-socket "$SOCKET" "http://engine/containers/json?all=true" |
    grep -oE '"Id":"[0-9a-f]{64}"' | cut -d'"' -f4); do
    curl -fsS -o /dev/null --unix-socket "$SOCKET" -X DELETE "http://engine/containers/$id?force=true&v=true" || true
  done
}

# As a service manager does it, within so many fifths of a second: the containers
# are stopped, too.
end() {
  local pid waited=0
  pid=$(cat "$RUN/pid" 2>/dev/null || true)
  if [ -n "$pid" ] && tr '\0' ' ' <"/proc/$pid/cmdline" 2>/dev/null | grep -q -- "$RUN/"; then
    kill "$pid" || true
    while [ -e "/proc/$pid" ] && [ $waited -lt "$1" ]; do sleep 0.2; waited=$((waited + 1)); done
  fi
}

stop() {
  local pid mount
  if [ "$KIND" = podman ] && answers; then remove_containers; fi
  end 100
  for pid in $(ours); do kill -9 "$pid" 2>/dev/null || true; done
  sleep 0.3
  awk -v run="$RUN/" -v data="$DATA/" 'index($2, run) == 1 || index($2, data) == 1 { print $2 }' /proc/mounts | sort -r |
    while read -r mount; do umount -l "$mount" 2>/dev/null || true; done
  rm -rf "$RUN" "$DATA"
}

# Debian forky's engines; a tree without its mark is from a killed run.
tree() {
  [ "$TREE" = "$FORKY" ] && [ ! -e "$FORKY/ready" ] || return 0
  mkdir -p "$HOME_OF"
  exec 9>"$HOME_OF/lock"
  flock 9
  [ ! -e "$FORKY/ready" ] || return 0
  rm -rf "$FORKY"
  # An index mirrored some time ago is good enough.
  mmdebstrap --quiet --variant=minbase --aptopt='Acquire::Retries "3"' \
    --aptopt='Acquire::Check-Valid-Until "false"' \
    --include=docker.io,podman,runc,netavark,aardvark-dns,iptables,nftables,iproute2,ca-certificates,kmod,procps \
    forky "$FORKY" >&2
  touch "$FORKY/ready"
  exec 9>&-
}

# What Podman reads. On hosts with cgroup v1 crun refuses to run, runc does not.
podman_settings() {
  mkdir -p "$RUN/home/.config/containers"
  echo '{"default": [{"type": "insecureAcceptAnything"}]}' >"$RUN/home/.config/containers/policy.json"
  cat >"$RUN/containers.conf" <<TEXT
[engine]
cgroup_manager = "cgroupfs"
runtime = "runc"
events_logger = "file"
tmp_dir = "$RUN/libpod"
[network]
network_config_dir = "$DATA/networks"
[containers]
log_driver = "k8s-file"
TEXT
  printf '[storage]\ndriver = "overlay"\ngraphroot = "%s"\nrunroot = "%s"\n' "$DATA/storage" "$RUN/storage" >"$RUN/storage.conf"
}

settings() {
  case "$KIND" in
    no-ipv6) echo '{"mtu": 1400, "features": {"containerd-snapshotter": false}}' ;;
    docker-28) echo '{"features": {"containerd-snapshotter": false}}' ;;
    *) echo '{"features": {"containerd-snapshotter": true}}' ;;
  esac
}

start() {
  stop
  tree
  mkdir -p "$RUN" "$DATA"
  settings >"$RUN/daemon.json"
  podman_settings
  launch
}

restart() {
  end 600
  launch
}

launch() {
  # Only the programs come from the tree, as in quickstart.sh.
  setsid unshare -m -n --propagation private bash -c '
    set -e
    kind=$1 tree=$2 run=$3 data=$4 socket=$5
    if [ -d "$tree/usr" ]; then
      mkdir -p "$run/local"
      mount --bind /usr/local "$run/local"
      mount --bind "$tree/usr" /usr
      mount --bind "$run/local" /usr/local
      mount --bind "$tree/etc/ld.so.cache" /etc/ld.so.cache
      [ ! -d /etc/alternatives ] || mount --bind "$tree/etc/alternatives" /etc/alternatives
    fi
    mount --make-rshared /
    export PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
    ip link set lo up
    # A default route that leads nowhere. Without one the kernel drops what pods
    # send through Podman, whose addresses it translates (loose rp_filter).
    ip link add outside type veth peer name outside-peer
    ip addr add 192.0.2.2/24 dev outside
    ip link set outside up
    ip link set outside-peer up
    ip route add default via 192.0.2.1
    # As after a boot with ipv6.disable=1.
    [ "$kind" != no-ipv6 ] || mount -t tmpfs none /proc/sys/net/ipv6
    echo $$ >"$run/pid"
    if [ "$kind" = podman ]; then
      export HOME="$run/home" CONTAINERS_CONF="$run/containers.conf" CONTAINERS_STORAGE_CONF="$run/storage.conf"
      export PODMAN_IGNORE_CGROUPSV1_WARNING=1
      exec podman system service --time=0 "unix://$socket"
    fi
    exec dockerd --config-file="$run/daemon.json" --data-root="$data/docker" --exec-root="$run/exec" \
      --pidfile="$run/docker.pid" --host="unix://$socket" --log-level=warn' \
    engine "$KIND" "$TREE" "$RUN" "$DATA" "$SOCKET" </dev/null >>"$RUN/log" 2>&1 &
  local waited=0
  until answers; do
    waited=$((waited + 1))
    [ $waited -lt 300 ] || { tail -n 30 "$RUN/log" >&2; exit 1; }
    sleep 0.2
  done
  echo "$SOCKET"
}

case "$1" in
  start | restart | stop) "$1" ;;
  run) shift 2; exec nsenter --net="/proc/$(cat "$RUN/pid")/ns/net" -- "$@" ;;
esac
