#!/usr/bin/env bash
# A second engine that keeps images in containerd's store, in a network
# namespace of its own so that it gets in nobody's way.
#
#   tests/containerd-engine.sh start        prints its socket
#   tests/containerd-engine.sh run COMMAND  in its network, where nodes are reached
#   tests/containerd-engine.sh restart      stops it cleanly and starts it again
#   tests/containerd-engine.sh stop         and removes everything it had
#
# The engine's programs are those that quickstart.sh set up, else the host's.
# SKIFF_TEST_ENGINE is the name of its directories, if there is to be another one.
set -euo pipefail
TREE=${SKIFF_ENGINE_HOME:-/var/lib/skiff-engine}/tree
NAME=${SKIFF_TEST_ENGINE:-skiff-test-engine}
HOME_OF=/var/lib/$NAME
RUN=/run/$NAME
SOCKET=$RUN/docker.sock

answers() { timeout 10 curl -fsS --unix-socket "$SOCKET" http://engine/_ping >/dev/null 2>&1; }

# Processes of this engine: those that carry its folder in their arguments.
ours() { pgrep -f -- "(--exec-root=|--config |-address |--data-root=)[^ ]*$RUN/|containerd-shim.*$RUN/" || true; }

# As a service manager does; containers are stopped, too.
end() {
  local pid waited=0
  pid=$(cat "$RUN/docker.pid" 2>/dev/null || true)
  if [ -n "$pid" ] && tr '\0' ' ' <"/proc/$pid/cmdline" 2>/dev/null | grep -q -- "--exec-root=$RUN/"; then
    kill "$pid" || true
    while [ -e "/proc/$pid" ] && [ $waited -lt "$1" ]; do sleep 0.2; waited=$((waited + 1)); done
  fi
}

stop() {
  local pid mount
  end 100
  for pid in $(ours); do kill -9 "$pid" 2>/dev/null || true; done
  sleep 0.3
  awk -v run="$RUN/" -v data="$HOME_OF/" 'index($2, run) == 1 || index($2, data) == 1 { print $2 }' /proc/mounts | sort -r |
    while read -r mount; do umount -l "$mount" 2>/dev/null || true; done
  rm -rf "$RUN" "$HOME_OF"
}

start() {
  stop
  mkdir -p "$RUN" "$HOME_OF/data"
  echo '{"features": {"containerd-snapshotter": true}}' >"$RUN/daemon.json"
  launch
}

restart() {
  end 600
  launch
}

launch() {
  setsid unshare -m -n --propagation private bash -c '
    set -e
    tree=$1 run=$2 data=$3
    if [ -x "$tree/usr/sbin/dockerd" ]; then
      mkdir -p "$run/local"
      mount --bind /usr/local "$run/local"
      mount --bind "$tree/usr" /usr
      mount --bind "$run/local" /usr/local
      mount --bind "$tree/etc/ld.so.cache" /etc/ld.so.cache
      [ ! -d /etc/alternatives ] || mount --bind "$tree/etc/alternatives" /etc/alternatives
    fi
    export PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
    ip link set lo up
    exec dockerd --config-file="$run/daemon.json" --data-root="$data" --exec-root="$run/exec" \
      --pidfile="$run/docker.pid" --host="unix://$run/docker.sock" --log-level=warn' \
    engine "$TREE" "$RUN" "$HOME_OF/data" </dev/null >>"$RUN/log" 2>&1 &
  local waited=0
  until answers; do
    waited=$((waited + 1))
    [ $waited -lt 300 ] || { tail -n 30 "$RUN/log" >&2; exit 1; }
    sleep 0.2
  done
  echo "$SOCKET"
}

case "${1:-}" in
  start | restart | stop) "$1" ;;
  run) shift; exec nsenter --net="/proc/$(cat "$RUN/docker.pid")/ns/net" -- "$@" ;;
  *) sed -n '2,12s/^# \{0,1\}//p' "$0"; exit 2 ;;
esac
