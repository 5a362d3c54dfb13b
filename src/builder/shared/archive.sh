# Debian's archive: where it is, how new it is, and whether it can be trusted to be
# new.
# shellcheck shell=bash

# sources: the archives of the Debian that this container is.
sources() {
  { cat /etc/apt/sources.list /etc/apt/sources.list.d/*.sources 2>/dev/null || true; } |
    awk '$1 == "deb" || $1 == "URIs:" { for (i = 2; i <= NF; i++) if ($i ~ /^https?:/) { print $i; break } }'
}
# The caller's mirror has security updates beside it, or has none.
if [ -n "${DEBIAN_MIRROR:-}" ]; then
  MIRROR=${DEBIAN_MIRROR%/} SECURITY=${DEBIAN_MIRROR%/}-security
else
  MIRROR=$(sources | sed -n '/-security\/*$/!{p;q}') SECURITY=$(sources | sed -n '/-security\/*$/{p;q}')
fi
export MIRROR=${MIRROR%/} SECURITY=${SECURITY%/}

# archive SUITE: where it is.
archive() { case $1 in *-security) echo "$SECURITY" ;; *) echo "$MIRROR" ;; esac; }

# index SUITE FILE: fetches the index, which has the digests of all others. Its
# signature is checked by apt, which fetches it once more.
index() {
  rm -f "$2"
  /usr/lib/apt/apt-helper -qq -o APT::Sandbox::User=root -o Acquire::Retries=2 \
    download-file "$(archive "$1")/dists/$1/InRelease" "$2" >/dev/null
}

# field NAME FILE: of an index.
field() { sed -n "s/^$1: //p;/^SHA256:/q" "$2" | head -n 1; }

# indexes SUITE...: suite, digest and date of each index as it is now.
indexes() {
  local suite file
  file=$(mktemp -d)/index
  for suite in "$@"; do
    retry index "$suite" "$file" || return 1
    echo "$suite sha256:$(sha256sum <"$file" | cut -d' ' -f1) $(date -u +%FT%TZ -d "$(field Date "$file")")"
  done
}

# suites: the release and its updates, as far as the archive has them.
suites() {
  local suite file
  if [ ! -s /suites ]; then
    file=$(mktemp -d)/index
    echo "$SUITE" >/suites
    for suite in "$SUITE-updates" "$SUITE-security"; do
      if [ -n "$(archive "$suite")" ] && index "$suite" "$file" 2>/dev/null; then echo "$suite" >>/suites
      else warn "there is no $suite in the archive ${SECURITY:-$MIRROR}; the image is built without its packages"; fi
    done
  fi
  cat /suites
}

# source_lines SUITE...: for apt. A suite whose index is past its date is taken all
# the same, as mirrors of Debian's next release are often late. Only for this suite the
# check is off, and the user is told.
source_lines() {
  local suite file valid option
  file=$(mktemp -d)/index
  for suite in "$@"; do
    retry index "$suite" "$file" || return 1
    valid=$(field Valid-Until "$file") option=
    if [ -n "$valid" ] && [ "$(date +%s -d "$valid")" -lt "$(date +%s)" ]; then
      warn "Debian's index of $suite was valid until $valid; whether there are newer packages cannot be checked"
      option='[check-valid-until=no] '
    fi
    echo "deb $option$(archive "$suite") $suite main"
  done
}

# package_lists: brings this container's up to date, once.
package_lists() {
  local all
  [ ! -e /fresh ] || return 0
  mkdir -p "$CACHE/apt/partial"
  mapfile -t all < <(suites)
  source_lines "${all[@]}" "$SUITE-backports" >/sources.list || return 1
  rm -f /etc/apt/sources.list.d/* /etc/apt/apt.conf.d/docker-clean
  mv /sources.list /etc/apt/sources.list
  printf 'Dir::Cache::archives "%s";\nAPT::Keep-Downloaded-Packages "true";\nAcquire::Retries "3";\n' "$CACHE/apt" >/etc/apt/apt.conf.d/cache
  retry apt-get -qq update || return 1
  [ -z "$REFRESH" ] || retry apt-get -qq -y -o Dpkg::Use-Pty=0 upgrade >/dev/null || return 1
  touch /fresh
}

# versions PACKAGE...: those that the archive has now.
versions() {
  local found
  package_lists || return 1
  found=$(apt-cache policy "$@" | awk '/^[^ ]/ { name = $1 } $1 == "Candidate:" { print name, $2 }')
  case $found in '' | *'(none)'*) return 1 ;; esac
  echo "$found"
}
export -f archive index field indexes suites source_lines package_lists versions
