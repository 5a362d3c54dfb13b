#!/bin/bash
# Makes a tree of Debian packages, without manuals: $OUT/base.tar, and the list of
# its packages, $OUT/packages: name, version and architecture in each line.
#
#   debian.sh NAME VARIANT PACKAGES
#
# VARIANT is mmdebstrap's; the file PACKAGES has words for --include. A word that
# ends in /forky is a package of the next release.
set -o errexit -o nounset -o pipefail
variant=$2 packages=$3
tools mmdebstrap

include=$(grep -v '^#' "$packages" | xargs | tr ' ' ',')
# What is only unpacked is listed before the packages are thrown away.
hook=customize-hook
[ "$variant" != extract ] || hook=extract-hook
mapfile -t suites < <(suites)
case $include in *"/forky"*) suites+=(forky) ;; esac
lines=$(source_lines "${suites[@]}")
mapfile -t lines <<<"$lines"

make_base() {
  rm -f "$OUT/base.tar" "$OUT/packages"
  # Updates are as good as the release; only what is asked for is of the next one.
  mmdebstrap --quiet --variant="$variant" --architectures="$ARCH" \
    --aptopt="APT::Default-Release \"/^$SUITE(-updates|-security)?\$/\"" \
    --aptopt='Acquire::Retries "3"' \
    --aptopt='APT::Install-Recommends "false"' \
    --dpkgopt='path-exclude=/usr/share/man/*' \
    --dpkgopt='path-exclude=/usr/share/doc/*' \
    --dpkgopt='path-include=/usr/share/doc/*/copyright' \
    --dpkgopt='path-exclude=/usr/share/locale/*' \
    --dpkgopt='path-exclude=/usr/share/bash-completion/*' \
    --include="$include" \
    --"$hook"="bash $BUILDER/packages.sh \"\$1\" >$OUT/packages" \
    "$SUITE" "$OUT/base.tar" "${lines[@]}" >&2
}

for _ in 1 2 3; do
  made_with indexes "${suites[@]}"
  SOURCE_DATE_EPOCH=$(date_of "$OUT")
  export SOURCE_DATE_EPOCH
  retry make_base
  # The archive may have changed meanwhile.
  [ "$(indexes "${suites[@]}")" != "$(cat "$OUT/state")" ] || break
done
[ -s "$OUT/packages" ] || { say "the tree has no packages"; exit 1; }
