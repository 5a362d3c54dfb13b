#!/bin/bash
# Builds a node image's file system inside a throw-away Debian container.
#
#   build.sh VERSION ARCH     progress on stderr, the result in /rootfs.tar
#
# /src holds this folder, /cache a volume that survives builds. Each part is
# made once for its inputs: its place in the cache is named by their digest.
set -o errexit -o nounset -o pipefail
shopt -s inherit_errexit

export VERSION=$1 ARCH=$2
export SRC=/src CACHE=/cache WORK=/cache/work
export DEBIAN_FRONTEND=noninteractive LC_ALL=C
# Where this Debian itself comes from, unless the caller says otherwise.
MIRROR=${DEBIAN_MIRROR:-$({ cat /etc/apt/sources.list /etc/apt/sources.list.d/*.sources 2>/dev/null || true; } |
  awk '$1 == "deb" || $1 == "URIs:" { for (i = 2; i <= NF; i++) if ($i ~ /^https?:/) { print $i; exit } }')}
export MIRROR

say() { echo "$*" >&2; }
export -f say

# retry COMMAND...: for what goes over a network.
retry() {
  local attempt
  for attempt in 1 2 3 4; do
    "$@" && return 0
    say "attempt $attempt failed: $*"
    sleep $((attempt * 4))
  done
  return 1
}
export -f retry

# part NAME SCRIPT INPUTS...: runs SCRIPT with OUT set to a new folder, unless
# the cache has the outcome for these inputs.
part() {
  local name=$1 script=$2
  shift 2
  local digest
  digest=$({ echo "$ARCH $name"; cat "$SRC/$script"; for input in "$@"; do
    if [ -d "$input" ]; then (cd "$input" && find . -type f | sort | xargs sha256sum); else cat "$input"; fi
  done; } | sha256sum | cut -c1-16)
  export OUT="$CACHE/parts/$name-$digest"
  if [ ! -d "$OUT" ]; then
    say "$name: building"
    local start=$SECONDS
    rm -rf "$OUT.new"
    mkdir -p "$OUT.new"
    OUT="$OUT.new" bash "$SRC/$script" "$name"
    mv "$OUT.new" "$OUT"
    say "$name: $((SECONDS - start)) s"
  fi
  printf '%s' "$OUT" >"$WORK/part-$name"
}

tools() {
  local wanted="golang-1.26-go gcc libc6-dev mmdebstrap jq ca-certificates busybox-static"
  mkdir -p "$CACHE/apt/partial"
  echo "deb $MIRROR $SUITE-backports main" >/etc/apt/sources.list.d/backports.list
  printf 'Dir::Cache::archives "%s";\nAPT::Keep-Downloaded-Packages "true";\nAcquire::Retries "3";\n' "$CACHE/apt" >/etc/apt/apt.conf.d/cache
  rm -f /etc/apt/apt.conf.d/docker-clean
  apt-get -qq update
  # shellcheck disable=SC2086
  apt-get -qq -y --no-install-recommends -o Dpkg::Use-Pty=0 install $wanted >/dev/null
}

export SUITE=trixie
mkdir -p "$WORK" "$CACHE/parts"
exec 9>"$CACHE/lock"
flock 9 # one build at a time
# shellcheck source=/dev/null
. "$SRC/versions/$VERSION" || { say "no recipe for Kubernetes $VERSION"; exit 1; }
export ETCD COREDNS PAUSE LOCAL_PATH ETCD_TAG

say "build tools"
retry tools
export PATH=$PATH:/usr/lib/go-1.26/bin
part base base.sh
part kubernetes compile.sh "$SRC/kubernetes/main.go" "$SRC/kubernetes/crictl" "$SRC/kubernetes/podnet" "$SRC/kubernetes/$VERSION"
part etcd compile.sh "$SRC/etcd/$ETCD"
part coredns compile.sh "$SRC/coredns/$COREDNS"
part local-path-provisioner compile.sh "$SRC/local-path-provisioner/$LOCAL_PATH"
part pause compile.sh "$SRC/pause.c"
say "assembling"
bash "$SRC/assemble.sh"
