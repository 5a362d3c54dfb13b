#!/bin/bash
# Makes a tree of Debian packages, without manuals: $OUT/base.tar.
#
#   debian.sh NAME VARIANT PACKAGES
#
# VARIANT is mmdebstrap's; the file PACKAGES has words for --include. A word that
# ends in /forky is a package of the next release.
set -o errexit -o nounset -o pipefail
variant=$2 packages=$3
tools mmdebstrap

make_base() {
  rm -f "$OUT/base.tar"
  # The next release's index may be past its date.
  mmdebstrap --quiet --variant="$variant" --architectures="$ARCH" \
    --aptopt="APT::Default-Release \"$SUITE\"" \
    --aptopt='Acquire::Check-Valid-Until "false"' \
    --aptopt='Acquire::Retries "3"' \
    --aptopt='APT::Install-Recommends "false"' \
    --dpkgopt='path-exclude=/usr/share/man/*' \
    --dpkgopt='path-exclude=/usr/share/doc/*' \
    --dpkgopt='path-include=/usr/share/doc/*/copyright' \
    --dpkgopt='path-exclude=/usr/share/locale/*' \
    --dpkgopt='path-exclude=/usr/share/bash-completion/*' \
    --include="$(grep -v '^#' "$packages" | xargs | tr ' ' ',')" \
    "$SUITE" "$OUT/base.tar" \
    "deb $MIRROR $SUITE main" "deb $MIRROR forky main" >&2
}
retry make_base
