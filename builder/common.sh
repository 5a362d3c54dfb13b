# What recipes share; a recipe's build.sh reads this first.
#
# A recipe runs in a throw-away Debian container. Its own files are in /src, the
# working folder, these are in /builder; /cache is a volume that survives builds.
# ARCH is as in GOARCH. Progress goes to stderr, the resulting file system to
# /rootfs.tar.
# shellcheck shell=bash
set -o errexit -o nounset -o pipefail
shopt -s inherit_errexit

export ARCH
export BUILDER=/builder CACHE=/cache WORK=/cache/work SUITE=trixie
export DEBIAN_FRONTEND=noninteractive LC_ALL=C PATH=$PATH:/usr/lib/go-1.26/bin
# Where this Debian itself comes from, unless the caller says otherwise.
MIRROR=${DEBIAN_MIRROR:-$({ cat /etc/apt/sources.list /etc/apt/sources.list.d/*.sources 2>/dev/null || true; } |
  awk '$1 == "deb" || $1 == "URIs:" { for (i = 2; i <= NF; i++) if ($i ~ /^https?:/) { print $i; exit } }')}
export MIRROR

say() { echo "$*" >&2; }

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

# tools PACKAGE...: has what the build itself needs, in this container.
tools() {
  dpkg --status "$@" >/dev/null 2>&1 && return
  say "build tools: $*"
  mkdir -p "$CACHE/apt/partial"
  echo "deb $MIRROR $SUITE-backports main" >/etc/apt/sources.list.d/backports.list
  printf 'Dir::Cache::archives "%s";\nAPT::Keep-Downloaded-Packages "true";\nAcquire::Retries "3";\n' "$CACHE/apt" >/etc/apt/apt.conf.d/cache
  rm -f /etc/apt/apt.conf.d/docker-clean
  [ -e /fresh ] || retry apt-get -qq update
  touch /fresh
  retry apt-get -qq -y --no-install-recommends -o Dpkg::Use-Pty=0 install "$@" >/dev/null
}

# part NAME SCRIPT INPUT...: runs SCRIPT NAME INPUT... with OUT set to a new
# folder, unless the cache has the outcome for these inputs: files, folders and
# plain words.
part() {
  local name=$1 script=$2 digest input start=$SECONDS
  shift 2
  digest=$({ echo "$ARCH $name"; cat "$script"; for input in "$@"; do
    if [ -d "$input" ]; then (cd "$input" && find . -type f | sort | xargs sha256sum)
    elif [ -f "$input" ]; then cat "$input"
    else echo "$input"; fi
  done; } | sha256sum | cut -c1-16)
  export OUT="$CACHE/parts/$name-$digest"
  if [ ! -d "$OUT" ]; then
    say "$name: building"
    rm -rf "$OUT.new"
    mkdir -p "$OUT.new"
    OUT="$OUT.new" bash "$script" "$name" "$@"
    mv "$OUT.new" "$OUT"
    say "$name: $((SECONDS - start)) s"
  fi
  printf '%s' "$OUT" >"$WORK/part-$name"
}

# built NAME: the folder with a part's outcome.
built() { cat "$WORK/part-$1"; }

# pack FOLDER: makes it the result.
pack() {
  tar -C "$1" --numeric-owner --one-file-system -cf /rootfs.tar .
  say "file system: $(du -m /rootfs.tar | cut -f1) MB"
}
export -f say retry tools built pack

cd /src
mkdir -p "$WORK" "$CACHE/parts"
exec 9>"$CACHE/lock"
flock 9 # one build at a time
