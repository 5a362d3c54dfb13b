#!/usr/bin/env bash
# skiff on a whole machine: a virtual one with Debian, systemd, cgroup v2 and its
# own Docker, which is rebooted while a cluster runs on it.
#
#   tests/machine.sh [STEP...]    default: create load works nfs reboot delete ipvs
#
# STEP reboot also checks that everything comes back; ipvs does create, load,
# works and delete with one node and kube-proxy in that mode; the others are
# functions of tests/machine/guest.sh. The cluster has $WORKERS workers (2) and
# kube-proxy is in $PROXY_MODE (iptables). Needs root, 8 GB of memory, 4 GB of disk,
# the release binary and, in the engine, the node image ($NODE_IMAGE). What is
# missing (qemu, mmdebstrap) is installed.
#
# Where KVM does not work the machine is emulated. That takes more than half an
# hour, and the host's cores for itself: Kubernetes has deadlines that nothing
# moves. An API server that needs more than a minute for its first look at the
# Services' addresses ends itself, and kubeadm join gives an answer 10 s.
#
# In $MACHINE_DIR afterwards: console.log, and result, which says what was run,
# with versions, and how long each step took. It also keeps the machine's disk,
# and the same with the node image loaded, for the next run.
set -euo pipefail
cd "$(dirname "$0")/.."
export PATH="$PATH:/usr/local/sbin:/usr/sbin:/sbin"
DIR=${MACHINE_DIR:-/var/lib/skiff-test-machine}
NODE_IMAGE=${NODE_IMAGE:-skiff/node:v1.37.2}
WORKERS=${WORKERS:-2} PROXY_MODE=${PROXY_MODE:-iptables}
SKIFF=$PWD/target/release/skiff
BASE=$DIR/base
PORT=$((20000 + RANDOM % 10000)) # of ssh, on 127.0.0.1
QEMU=

die() { echo "error: $*" >&2; exit 1; }
note() { echo "$*" | tee -a "$DIR/result"; }

# step TITLE COMMAND...: how long it took is part of the result.
step() {
  local title=$1 start=$SECONDS
  shift
  echo "==> $title"
  # Not in a condition: the command's own errors must end it.
  "$@"
  note "$title: $((SECONDS - start)) s"
}

# --- the machine -------------------------------------------------------------

programs() {
  local missing=()
  command -v qemu-system-x86_64 >/dev/null || missing+=(qemu-system-x86)
  command -v qemu-img >/dev/null || missing+=(qemu-utils)
  command -v mmdebstrap >/dev/null || missing+=(mmdebstrap)
  command -v ssh >/dev/null || missing+=(openssh-client)
  [ ${#missing[@]} = 0 ] || { apt-get -qq update || true; apt-get -qq -y --no-install-recommends install "${missing[@]}" >/dev/null; }
}

# A kernel that gets as far as its first process, and then has nothing to do.
kvm_works() {
  [ -w /dev/kvm ] || return 1
  # In a shell of its own, which keeps a crash of qemu to itself.
  (timeout 60 qemu-system-x86_64 -accel kvm -cpu host -machine q35 -m 1024 -nodefaults -display none -no-reboot \
    -kernel "$BASE/vmlinuz" -initrd "$BASE/initrd" -append "rdinit=/bin/true panic=-1" || exit 1) >/dev/null 2>&1
}

choose_accelerator() {
  if kvm_works; then ACCELERATOR=(-accel kvm -cpu host)
  else ACCELERATOR=(-accel "tcg,thread=multi" -cpu "max,-avx512f"); fi
}

# An emulated machine's kernel panics now and then while it boots, where it changes
# its own code: panic=-1 boots it again.
#
# start DISK: with the archive of the node image as its second disk.
start() {
  qemu-system-x86_64 "${ACCELERATOR[@]}" -machine q35 -smp 2 -m 8192 -nodefaults -display none \
    -kernel "$BASE/vmlinuz" -initrd "$BASE/initrd" -append "root=/dev/vda rw console=ttyS0 net.ifnames=0 panic=-1" \
    -serial "file:$DIR/console.log" -device virtio-rng-pci \
    -drive "file=$1,if=virtio,cache=unsafe,discard=unmap" \
    -drive "file=$DIR/image.tar,if=virtio,format=raw,readonly=on" \
    -nic "user,model=virtio-net-pci,restrict=on,hostfwd=tcp:127.0.0.1:$PORT-:22" </dev/null 2>"$DIR/qemu.log" &
  QEMU=$!
  answers none
}

end() {
  local code=$?
  if [ $code != 0 ]; then
    [ -z "$QEMU" ] || on_machine dev timeout 300 bash guest.sh diagnose || true
    echo "--- the last lines of $DIR/console.log and qemu.log"
    tail -n 20 "$DIR/console.log" "$DIR/qemu.log" 2>/dev/null || true
    echo "FAILED; see above"
  fi
  [ -z "$QEMU" ] || kill "$QEMU" 2>/dev/null || true
}
trap end EXIT

on_machine() { # on_machine USER COMMAND...
  local user=$1
  shift
  ssh -q -i "$BASE/id_ed25519" -o StrictHostKeyChecking=no -o UserKnownHostsFile=/dev/null -o ConnectTimeout=20 \
    -o ServerAliveInterval=30 -o ServerAliveCountMax=20 -p "$PORT" "$user@127.0.0.1" "$@"
}

# answers OLD: until it has started, with another boot ID than OLD.
answers() {
  local start=$SECONDS id
  until id=$(on_machine root cat /proc/sys/kernel/random/boot_id) && [ "$id" != "$1" ]; do
    kill -0 "$QEMU" || die "the machine has ended"
    [ $((SECONDS - start)) -lt 900 ] || die "the machine does not answer"
    sleep 2
  done
  on_machine root systemctl is-system-running --wait >/dev/null || die "failed units: $(on_machine root systemctl --failed --plain --no-legend)"
}

power_off() {
  on_machine root systemctl poweroff || true
  wait "$QEMU"
  QEMU=
}

# The disk with the node image loaded: made again when either is another.
loaded_disk() {
  local made_from
  made_from="$(cat "$BASE/made-by") $(docker image inspect -f '{{.Id}}' "$NODE_IMAGE")"
  [ "$(cat "$DIR/loaded-from" 2>/dev/null)" != "$made_from" ] || return 0
  rm -f "$DIR/loaded-from"
  docker save -o "$DIR/image.tar" "$NODE_IMAGE"
  qemu-img create -q -f qcow2 -b base/disk.raw -F raw "$DIR/loaded.qcow2"
  start "$DIR/loaded.qcow2"
  on_machine dev "docker load -q </dev/vdb"
  power_off
  echo "$made_from" >"$DIR/loaded-from"
}

boot() {
  qemu-img create -q -f qcow2 -b loaded.qcow2 -F qcow2 "$DIR/run.qcow2"
  start "$DIR/run.qcow2"
  on_machine dev "cat >skiff && chmod +x skiff" <"$SKIFF"
  on_machine dev "cat >guest.sh" <tests/machine/guest.sh
}

versions() {
  note "$(date -u +%Y-%m-%d), skiff $(git rev-parse --short HEAD 2>/dev/null || "$SKIFF" version), $NODE_IMAGE, ${ACCELERATOR[1]}"
  # shellcheck disable=SC2016
  note "$(on_machine dev '. /etc/os-release; echo "$PRETTY_NAME, kernel $(uname -r), systemd $(systemctl --version | sed -n "1s/systemd \([0-9]*\).*/\1/p"),
    Docker $(docker version -f "{{.Server.Version}}"), cgroup v$(docker info -f "{{.CgroupVersion}}")"' | tr -s '\n ' ' ')"
}

# --- steps -------------------------------------------------------------------

guest() { on_machine dev bash guest.sh "$@"; }

reboot() {
  local before
  before=$(on_machine root cat /proc/sys/kernel/random/boot_id)
  on_machine root systemctl reboot || true
  step "reboot" answers "$before"
  guest comes_back
}

run() {
  case "$1" in
    create) guest create "$NODE_IMAGE" "$WORKERS" "$PROXY_MODE" ;;
    ipvs) guest create "$NODE_IMAGE" 0 ipvs && guest load && guest works && guest delete ;;
    reboot) reboot ;;
    *) guest "$1" ;;
  esac
}

[ "$(id -u)" = 0 ] || die "needs root"
[ -x "$SKIFF" ] || die "no $SKIFF: build it with cargo build --release"
mkdir -p "$DIR"
: >"$DIR/result"
# Most of a busy host: sessions share its cores, whatever their processes' priorities
# (sched(7), autogroup).
[ ! -w /proc/self/autogroup ] || echo -10 >/proc/self/autogroup
step "programs" programs
step "disk" tests/machine/disk.sh "$BASE"
choose_accelerator
step "node image" loaded_disk
step "boot" boot
versions
[ $# -gt 0 ] || set -- create load works nfs reboot delete ipvs
for name in "$@"; do step "$name" run "$name"; done
note "passed in $SECONDS s"
