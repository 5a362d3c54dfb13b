# What recipes share; a recipe's build.sh reads this first.
#
# A recipe runs in a throw-away Debian container. Its own files are in /src, the
# working directory, these are in /builder; /cache is a volume that survives
# builds. ARCH is as in GOARCH. REFRESH is set if cached parts must be as new as
# Debian's archive. Progress goes to stderr; lines that begin with "warning: " are
# shown to the user. The result is in /image: layer.tar and facts.
# shellcheck shell=bash
set -o errexit -o nounset -o pipefail
shopt -s inherit_errexit

export ARCH REFRESH=${REFRESH:-}
export BUILDER=/builder CACHE=/cache WORK=/cache/work SUITE=trixie
export DEBIAN_FRONTEND=noninteractive LC_ALL=C PATH=$PATH:/usr/lib/go-1.26/bin
# The date of everything that is made here.
export SOURCE_DATE_EPOCH=0
# shellcheck source=src/builder/shared/archive.sh
. "$BUILDER/archive.sh"
# shellcheck source=src/builder/shared/parts.sh
. "$BUILDER/parts.sh"
# shellcheck source=src/builder/shared/sbom.sh
. "$BUILDER/sbom.sh"

say() { echo "$*" >&2; }
# warn MESSAGE: for the user, once.
warn() {
  grep -qxF "$*" /warned 2>/dev/null && return
  echo "$*" >>/warned
  say "warning: $*"
}

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
  package_lists
  retry apt-get -qq -y --no-install-recommends -o Dpkg::Use-Pty=0 install "$@" >/dev/null
}

# pack DIRECTORY: makes it the image's layer, the same for equal contents. What was
# written meanwhile has the date of the build.
pack() {
  mkdir -p /image
  tar -C "$1" --sort=name --clamp-mtime --mtime="@$SOURCE_DATE_EPOCH" --numeric-owner --one-file-system -cf - . |
    tee /image/layer.tar | sha256sum | sed 's/^\([0-9a-f]*\) .*/layer=sha256:\1/' >/image/facts
  echo "created=$(date -u +%FT%TZ -d "@$SOURCE_DATE_EPOCH")" >>/image/facts
  [ "$SOURCE_DATE_EPOCH" = 0 ] || echo "debian=$(date -u +%F -d "@$SOURCE_DATE_EPOCH")" >>/image/facts
  say "file system: $(du -m /image/layer.tar | cut -f1) MB"
}
export -f say warn retry tools pack

cd /src
mkdir -p "$WORK" "$CACHE/parts"
exec 9>"$CACHE/lock"
flock 9 # one build at a time
